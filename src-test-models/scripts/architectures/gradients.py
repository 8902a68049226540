#!/usr/bin/env python3
"""Tiny models of very different architectures with PyTorch's gradients: python gradients.py OUT [NAME ...]

For each model and exporter a folder NAME-EXPORTER with model.onnx and reference.safetensors: in/* what the model is given,
seed the weight of each element of its first output, grad/SITE the gradient of their sum at the output of each listed module.
"""
import inspect, os, sys, warnings
import numpy as np
import onnx
import torch
from torch import nn
from safetensors.numpy import save_file

warnings.filterwarnings("ignore")
VOCAB = 61


def text(cls, config, sites):
    def make():
        import transformers
        torch.manual_seed(0)
        conf = getattr(transformers, config[0])(vocab_size=VOCAB, **config[1])
        conf._attn_implementation = "eager"
        model = getattr(transformers, cls)(conf).eval()
        if hasattr(model.config, "num_local_experts"):
            model.config._experts_implementation = "batched_mm"
        ids = torch.tensor([[5, 17, 40, 3, 22, 9], [8, 1, 33, 60, 2, 14]])
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if "position_ids" in inspect.signature(model.forward).parameters:
            given["position_ids"] = torch.arange(6).expand(2, 6)
        return model, given, sites
    return make


LLAMA = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)


def image(module, shape, sites):
    def make():
        torch.manual_seed(0)
        return module().eval(), {"pixel_values": torch.randn(*shape)}, sites
    return make


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.depth = nn.Conv2d(8, 8, 5, padding=2, groups=8)
        self.point = nn.Conv2d(8, 16, 1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.inst = nn.InstanceNorm2d(8, affine=True)
        self.average = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.head = nn.Linear(8, 7)

    def forward(self, pixel_values):
        x = nn.functional.silu(self.norm(self.stem(pixel_values)))
        x = x + self.depth(x)
        x = self.up(self.pool(nn.functional.gelu(self.point(x))))
        x = self.average(nn.functional.hardswish(self.inst(x)))
        x = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
        return self.head(x.mean((2, 3)))


class StateSpace(nn.Module):
    """A selective scan written out, as exports of state-space models have it."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 16)
        self.mix = nn.Conv1d(16, 16, 3, padding=2, groups=16)
        self.parts = nn.Linear(16, 16 + 4 + 4)
        self.a = nn.Parameter(torch.randn(16, 4) / 2)
        self.out = nn.Linear(16, VOCAB)

    def forward(self, input_ids):
        x = self.embed(input_ids)
        x = nn.functional.silu(self.mix(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2))
        step, b, c = self.parts(x).split([16, 4, 4], -1)
        step = nn.functional.softplus(step)
        decay = torch.exp(-torch.exp(self.a) * step[..., None])
        drive = step[..., None] * b[:, :, None] * x[..., None]
        state = torch.zeros_like(drive[:, 0])
        ys = []
        for i in range(6):
            state = decay[:, i] * state + drive[:, i]
            ys.append((state * c[:, i, None]).sum(-1))
        return self.out(torch.stack(ys, 1))


class Mixed(nn.Module):
    """Operators that exports of transformers seldom show together."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 16)
        self.prelu = nn.PReLU(16)
        self.second = nn.Linear(16, 16)
        self.third = nn.Linear(8, 5)

    def forward(self, pixel_values):
        x = self.prelu(self.first(pixel_values).transpose(1, 2)).transpose(1, 2)
        x = nn.functional.glu(self.second(x), -1)
        x = x.cumsum(1) / (1 + x.norm(dim=-1, keepdim=True))
        x = torch.where(x > 0.1, x.clamp(max=1.5), x.abs().sqrt())
        best = x.topk(2, dim=1).values.prod(1)
        return self.third(best + torch.einsum("bpd,bqd->bd", x, x.roll(1, 1)) + x.flip(1).logsumexp(1))


MODELS = {
    "llama": text("LlamaForCausalLM", ("LlamaConfig", LLAMA), ["model.embed_tokens", "model.layers.0", "model.layers.1.mlp", "model.norm"]),
    "gemma2": text("Gemma2ForCausalLM", ("Gemma2Config", {**LLAMA, "head_dim": 8, "query_pre_attn_scalar": 8, "final_logit_softcapping": 3.0, "attn_logit_softcapping": 2.0, "sliding_window": 4}), ["model.embed_tokens", "model.layers.0", "model.layers.1.mlp"]),
    "mixtral": text("MixtralForCausalLM", ("MixtralConfig", {**LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2}), ["model.embed_tokens", "model.layers.0", "model.layers.1.input_layernorm"]),
    "bert": text("BertModel", ("BertConfig", dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, max_position_embeddings=32)), ["embeddings", "encoder.layer.0", "encoder.layer.1.attention.self.value"]),
    "gpt_neox": text("GPTNeoXForCausalLM", ("GPTNeoXConfig", dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, max_position_embeddings=32)), ["gpt_neox.embed_in", "gpt_neox.layers.0", "gpt_neox.layers.1.attention.query_key_value"]),
    "bloom": text("BloomForCausalLM", ("BloomConfig", dict(hidden_size=32, n_layer=2, n_head=4)), ["transformer.word_embeddings", "transformer.h.0", "transformer.h.1.mlp"]),
    "phi": text("PhiForCausalLM", ("PhiConfig", {**LLAMA, "partial_rotary_factor": 0.5}), ["model.embed_tokens", "model.layers.0", "model.layers.1.mlp"]),
    "qwen3": text("Qwen3ForCausalLM", ("Qwen3Config", {**LLAMA, "head_dim": 8}), ["model.embed_tokens", "model.layers.0", "model.layers.1.self_attn.q_norm"]),
    "olmo2": text("Olmo2ForCausalLM", ("Olmo2Config", LLAMA), ["model.embed_tokens", "model.layers.0", "model.layers.1.mlp"]),
    "mamba": text("MambaForCausalLM", ("MambaConfig", dict(hidden_size=16, state_size=4, num_hidden_layers=2, expand=2, conv_kernel=3)), ["backbone.embeddings", "backbone.layers.0", "backbone.layers.1.mixer.in_proj"]),
    "statespace": lambda: (torch.manual_seed(0), (StateSpace().eval(), {"input_ids": torch.tensor([[5, 17, 40, 3, 22, 9]])}, ["embed", "mix", "parts"]))[1],
    "convnet": image(ConvNet, (2, 3, 16, 16), ["stem", "norm", "point", "up", "inst"]),
    "mixed": image(Mixed, (2, 6, 12), ["first", "prelu", "second"]),
}


def vit():
    import transformers
    torch.manual_seed(0)
    conf = transformers.ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, image_size=16, patch_size=8)
    conf._attn_implementation = "eager"
    return transformers.ViTModel(conf, add_pooling_layer=False).eval(), {"pixel_values": torch.randn(2, 3, 16, 16)}, ["embeddings", "layers.0", "layers.1.mlp"]


def convnext():
    import transformers
    torch.manual_seed(0)
    conf = transformers.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, patch_size=2, image_size=16)
    return transformers.ConvNextModel(conf).eval(), {"pixel_values": torch.randn(1, 3, 16, 16)}, ["embeddings", "encoder.stages.0.layers.0", "encoder.stages.1"]


MODELS["vit"] = vit
MODELS["convnext"] = convnext


class First(nn.Module):
    """The model with its first output only."""

    def __init__(self, model, names):
        super().__init__()
        self.m, self.names = model, names

    def forward(self, *given):
        kwargs = {} if not hasattr(self.m, "config") else dict(return_dict=False)
        if hasattr(self.m, "config") and getattr(self.m.config, "use_cache", None) is not None:
            kwargs["use_cache"] = False
        out = self.m(**dict(zip(self.names, given)), **kwargs)
        return out if isinstance(out, torch.Tensor) else out[0]


def reference(model, inputs, sites):
    kept = {}

    def hook(name):
        def keep(mod, given, out):
            y = out if isinstance(out, torch.Tensor) else out[0]
            if not y.requires_grad:
                y.requires_grad_()
            y.retain_grad()
            kept[name] = y
        return keep

    modules = dict(model.named_modules())
    hooks = [modules[s].register_forward_hook(hook(s)) for s in sites if s in modules]
    for s in sites:
        if s not in modules:
            print("   no module", s, file=sys.stderr)
    out = First(model, list(inputs))(*inputs.values())
    seed = torch.randn(out.shape, generator=torch.Generator().manual_seed(7))
    (out * seed).sum().backward()
    for h in hooks:
        h.remove()
    all = {f"in/{k}": v.detach().numpy() for k, v in inputs.items()}
    all["seed"] = seed.numpy()
    all["out"] = out.detach().numpy()
    all.update({f"grad/m.{k}": v.grad.detach().numpy() for k, v in kept.items() if v.grad is not None})
    return {k: np.ascontiguousarray(v) for k, v in all.items()}


def export(model, inputs, path, dynamo):
    first = First(model, list(inputs)).eval()
    for p in model.parameters():
        p.requires_grad_(False)
    kwargs = dict(input_names=list(inputs), output_names=["out"], opset_version=18 if dynamo else 17)
    torch.onnx.export(first, tuple(inputs.values()), path, dynamo=dynamo, external_data=False, **kwargs)
    made = onnx.load(path)
    for node in made.graph.node:  # traces name the files of the machine
        kept = [p for p in node.metadata_props if "stack_trace" not in p.key]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(made, path)


def main():
    out, names = sys.argv[1], sys.argv[2:] or list(MODELS)
    for name in names:
        for exporter in ("torchscript", "dynamo"):
            folder = f"{out}/{name}-{exporter}"
            os.makedirs(folder, exist_ok=True)
            try:
                model, inputs, sites = MODELS[name]()
                save_file(reference(model, inputs, sites), f"{folder}/reference.safetensors")
                export(model, inputs, f"{folder}/model.onnx", exporter == "dynamo")
                print(folder, os.path.getsize(f"{folder}/model.onnx"), flush=True)
            except Exception as e:
                print(folder, "NOT EXPORTED", type(e).__name__, str(e)[:300].replace("\n", " "), flush=True)
                if os.path.exists(f"{folder}/model.onnx"):
                    os.remove(f"{folder}/model.onnx")


main()
