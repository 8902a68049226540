"""A tiny decoder with grouped heads, and what PyTorch computes inside it, untouched and edited, by Sonde's names for places."""
import torch
import transformers
from transformers.models.llama import modeling_llama

CONFIG = dict(vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, head_dim=8, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
              pad_token_id=0, tie_word_embeddings=False)
HEADS, KV_HEADS, WIDTH = 4, 2, 8


def model(attention="eager"):
    config = transformers.LlamaConfig(**CONFIG, attn_implementation=attention, architectures=["LlamaForCausalLM"])
    torch.manual_seed(11)
    built = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            elif "embed" in name:
                parameter.copy_(torch.randn_like(parameter))
            else:  # numbers that 4 bits hold, in blocks of 16
                numbers = torch.randint(-7, 8, parameter.shape)
                numbers[:, ::16] = -8
                parameter.copy_(numbers * 0.05)
    return built


def inputs():
    ids = torch.randint(3, 48, (2, 7), generator=torch.Generator().manual_seed(3))
    return {"input_ids": ids, "attention_mask": torch.ones(2, 7, dtype=torch.long),
            "position_ids": torch.arange(7)[None].repeat(2, 1)}


class Taps:
    """Runs the model with taps at all places; edits is {place: function}."""

    def __init__(self, built, edits=None):
        self.model, self.edits, self.seen = built, edits or {}, {}

    def at(self, name, value):
        value = self.edits.get(name, lambda same: same)(value)
        self.seen[name] = value.detach().clone()
        return value

    def attention(self, module, query, key, value, mask, scaling, **_):
        at = f"layers.{module.layer_idx}#"
        query, key, value = self.at(at + "q", query), self.at(at + "k", key), self.at(at + "v", value)
        key, value = key.repeat_interleave(HEADS // KV_HEADS, 1), value.repeat_interleave(HEADS // KV_HEADS, 1)
        scores = query @ key.transpose(2, 3) * scaling
        scores = self.at(at + "scores", scores if mask is None else scores + mask[..., : key.shape[2]])
        pattern = self.at(at + "pattern", torch.softmax(scores, -1))
        return (pattern @ value).transpose(1, 2).contiguous(), pattern

    def run(self, given):
        hooks, original = [], modeling_llama.eager_attention_forward
        modeling_llama.eager_attention_forward = self.attention
        heads = lambda x: x.view(*x.shape[:2], -1, WIDTH)

        def before(module, name, back=lambda x: x, view=lambda x: x):
            hooks.append(module.register_forward_pre_hook(
                lambda m, args: (back(self.at(name, view(args[0]))), *args[1:])))

        def after(module, name, back=lambda x: x, view=lambda x: x):
            hooks.append(module.register_forward_hook(lambda m, args, out: back(self.at(name, view(out)))))

        flat = lambda x: x.flatten(2)
        inner = self.model.model
        after(inner.embed_tokens, "embed")
        for i, layer in enumerate(inner.layers):
            at = f"layers.{i}#"
            hooks.append(layer.register_forward_pre_hook(lambda m, args, at=at: (self.at(at + "resid_pre", args[0]), *args[1:])))
            after(layer, at + "resid_post")
            hooks.append(layer.self_attn.register_forward_hook(
                lambda m, args, out, at=at: (self.at(at + "attn_out", out[0]), *out[1:])))
            after(layer.mlp, at + "mlp_out")
            after(layer.self_attn.q_proj, at + "q_pre", flat, heads)
            after(layer.self_attn.k_proj, at + "k_pre", flat, heads)
            before(layer.self_attn.o_proj, at + "z", flat, heads)
            after(layer.mlp.gate_proj, at + "mlp_pre")
            before(layer.mlp.down_proj, at + "mlp_post")
            self.look(hooks, layer, at)
        try:
            with torch.no_grad():
                self.seen["logits"] = self.model(**given, use_cache=False).logits
        finally:
            modeling_llama.eager_attention_forward = original
            for hook in hooks:
                hook.remove()
        return self.seen

    def look(self, hooks, layer, at):
        """Places that are only looked at."""
        scale = lambda x: (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()

        def norm(module, name):
            hooks.append(module.register_forward_pre_hook(lambda m, args: self.seen.__setitem__(name, scale(args[0]))))

        norm(layer.input_layernorm, at + "norm_scale")
        norm(layer.post_attention_layernorm, at + "mlp_norm_scale")
        hooks.append(layer.post_attention_layernorm.register_forward_pre_hook(
            lambda m, args: self.seen.__setitem__(at + "resid_mid", args[0].clone())))
        out = layer.self_attn.o_proj
        hooks.append(out.register_forward_hook(lambda m, args, y: self.seen.__setitem__(
            at + "result", torch.einsum("bphd,hdm->bphm", args[0].view(*args[0].shape[:2], HEADS, WIDTH),
                                        out.weight.T.view(HEADS, WIDTH, -1)))))


def weights(built):
    split = lambda w, n: w.detach().T.view(w.shape[1], n, WIDTH).transpose(0, 1)
    out = {"W_E": built.model.embed_tokens.weight.detach(), "W_U": built.lm_head.weight.detach().T}
    for i, layer in enumerate(built.model.layers):
        at, attn, mlp = f"layers.{i}#", layer.self_attn, layer.mlp
        out[at + "W_Q"] = split(attn.q_proj.weight, HEADS)
        out[at + "W_K"] = split(attn.k_proj.weight, KV_HEADS)
        out[at + "W_V"] = split(attn.v_proj.weight, KV_HEADS)
        out[at + "W_O"] = attn.o_proj.weight.detach().T.view(HEADS, WIDTH, -1)
        out[at + "W_gate"], out[at + "W_in"] = mlp.gate_proj.weight.detach().T, mlp.up_proj.weight.detach().T
        out[at + "W_out"] = mlp.down_proj.weight.detach().T
    return out


def zero_at(axis, index):
    def edit(x):
        x = x.clone()
        x.select(axis, index).zero_()
        return x
    return edit


def plus(vector, position):
    def edit(x):
        x = x.clone()
        x[:, position] += vector
        return x
    return edit


def swap_head(head):
    def edit(x):  # batch, position, head, d_head
        x = x.clone()
        x[:, :, head] = x[:, :, head].flip(0)
        return x
    return edit


VECTOR = torch.linspace(-1, 1, 32)
# the test makes the same edits: zero everything, zero one index of an axis, add VECTOR at position 3, swap rows
EDITS = {
    "zero/layers.0#attn_out": torch.zeros_like, "zero/layers.1#mlp_out": torch.zeros_like,
    "zero/layers.0#resid_post": torch.zeros_like, "zero/embed": torch.zeros_like,
    "index 2 2/layers.1#z": zero_at(2, 2), "index 1 1/layers.1#q": zero_at(1, 1), "index 1 0/layers.0#k": zero_at(1, 0),
    "index 1 1/layers.0#v": zero_at(1, 1), "index 1 3/layers.0#pattern": zero_at(1, 3),
    "index 1 0/layers.1#scores": zero_at(1, 0), "index 2 5/layers.0#mlp_post": zero_at(2, 5),
    "index 2 7/layers.1#mlp_pre": zero_at(2, 7), "index 2 1/layers.1#q_pre": zero_at(2, 1),
    "add/layers.0#resid_post": plus(VECTOR, 3), "add/layers.1#resid_pre": plus(VECTOR, 3),
    "add/layers.1#attn_out": plus(VECTOR, 3),
    "rows/layers.1#mlp_out": lambda x: x.flip(0), "rows/layers.0#attn_out": lambda x: x.flip(0),
    "swap 1/layers.0#z": swap_head(1),
}


def reference():
    built, given = model(), inputs()
    out = {"in/" + name: tensor for name, tensor in given.items()}
    out.update(Taps(built).run(given))
    out.update({"weight/" + name: tensor for name, tensor in weights(built).items()})
    for name, edit in EDITS.items():
        out["edit/" + name] = Taps(built, {name.split("/")[1]: edit}).run(given)["logits"]
        assert (out["edit/" + name] - out["logits"]).abs().max() > 1e-2, name
    return {name: tensor.contiguous().clone() for name, tensor in out.items()}
