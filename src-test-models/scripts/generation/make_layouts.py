"""Tiny models in the layouts that text is generated from, and what they generate: `python make_layouts.py OUT`.

genai: onnxruntime-genai's GroupQueryAttention. merged: optimum's decoder_model_merged.onnx. t5, whisper: optimum's folders with
encoder_model.onnx and decoder_model.onnx. Numbers are PyTorch's, edits made by hand or by hooks; each folder has reference.json.
"""
import contextlib
import io
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import onnx
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from torch import nn

D, HEADS, KV, DH, F, VOCAB, LAYERS, STEPS = 32, 4, 2, 16, 48, 97, 2, 8
ROWS = [[53, 70, 94, 14, 42, 17], [5, 6, 7], [88, 20, 3, 11]]
VECTOR = torch.randn(D, generator=torch.Generator().manual_seed(9)) * 2


# ------------------------------------------------------------------ a small decoder
def weights(seed=7):
    g = torch.Generator().manual_seed(seed)
    r = lambda *shape, std=0.25: torch.randn(*shape, generator=g) * std
    w = {"model.embed_tokens.weight": r(VOCAB, D, std=0.6)}
    for layer in range(LAYERS):
        p = f"model.layers.{layer}."
        w[p + "input_layernorm.weight"] = 1 + r(D, std=0.2)
        w[p + "post_attention_layernorm.weight"] = 1 + r(D, std=0.2)
        for name, heads in (("q", HEADS), ("k", KV), ("v", KV)):
            w[p + f"attn.{name}_proj"] = r(D, heads * DH)
        w[p + "attn.o_proj"] = r(HEADS * DH, D)
        w[p + "mlp.gate_proj"], w[p + "mlp.up_proj"], w[p + "mlp.down_proj"] = r(D, F), r(D, F), r(F, D)
    w["model.norm.weight"], w["lm_head"] = 1 + r(D, std=0.2), r(D, VOCAB)
    return w


def rms(x, weight):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * weight


def tables():
    angles = torch.outer(torch.arange(64).float(), 1 / (10000 ** (torch.arange(0, DH, 2) / DH)))
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    a, b = x[..., : DH // 2], x[..., DH // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Norm(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x):
        return rms(x, self.weight)


class Attention(nn.Module):
    def __init__(self, w, p):
        super().__init__()
        for n in "qkvo":
            m = w[p + f"attn.{n}_proj"]
            layer = nn.Linear(*m.shape, bias=False)
            layer.weight = nn.Parameter(m.T.contiguous())
            setattr(self, f"{n}_proj", layer)

    def forward(self, x, positions, mask, past):
        cos, sin = (t[positions][:, None] for t in tables())
        split = lambda t: t.view(t.shape[0], t.shape[1], -1, DH).transpose(1, 2)
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        kk, vv = (t.repeat_interleave(HEADS // KV, 1) for t in (k, v))
        scores = q @ kk.transpose(2, 3) / DH**0.5 + mask
        z = (scores.softmax(-1) @ vv).transpose(1, 2).flatten(2)
        return self.o_proj(z), (k, v)


class Block(nn.Module):
    def __init__(self, w, p):
        super().__init__()
        self.input_layernorm = Norm(w[p + "input_layernorm.weight"])
        self.attn = Attention(w, p)
        self.post_attention_layernorm = Norm(w[p + "post_attention_layernorm.weight"])
        self.mlp = nn.Module()
        for n in ("gate", "up", "down"):
            m = w[p + f"mlp.{n}_proj"]
            layer = nn.Linear(*m.shape, bias=False)
            layer.weight = nn.Parameter(m.T.contiguous())
            setattr(self.mlp, f"{n}_proj", layer)

    def forward(self, x, positions, mask, past):
        a, present = self.attn(self.input_layernorm(x), positions, mask, past)
        x = x + a
        n = self.post_attention_layernorm(x)
        return x + self.mlp.down_proj(nn.functional.silu(self.mlp.gate_proj(n)) * self.mlp.up_proj(n)), present


class Decoder(nn.Module):
    def __init__(self, w, past):
        super().__init__()
        self.past = past
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(VOCAB, D)
        self.model.embed_tokens.weight = nn.Parameter(w["model.embed_tokens.weight"])
        self.model.layers = nn.ModuleList(Block(w, f"model.layers.{i}.") for i in range(LAYERS))
        self.model.norm = Norm(w["model.norm.weight"])
        self.lm_head = nn.Linear(D, VOCAB, bias=False)
        self.lm_head.weight = nn.Parameter(w["lm_head"].T.contiguous())

    def forward(self, input_ids, attention_mask, position_ids, past):
        x = self.model.embed_tokens(input_ids)
        total, own = attention_mask.shape[1], input_ids.shape[1]
        rows = torch.arange(total - own, total)[:, None]
        seen = (torch.arange(total)[None] <= rows)[None, None] & attention_mask[:, None, None].bool()
        mask = torch.where(seen, 0.0, -1e9)
        out = []
        for i, block in enumerate(self.model.layers):
            x, present = block(x, position_ids, mask, past[i] if self.past else None)
            out += present
        return (self.lm_head(self.model.norm(x)), *out)


def generated(w, edit=None):
    """What each row generates, all positions anew at every step; edit(layer, x) is of the whole stream behind a block."""
    model = Decoder(w, False).eval()
    for i, block in enumerate(model.model.layers):
        block.register_forward_hook(lambda m, x, y, i=i: (edit(i, y[0]), y[1]) if edit else None)
    tokens, logits = [], []
    for row in ROWS:
        ids, own = list(row), []
        for _ in range(STEPS):
            with torch.no_grad():
                x = torch.tensor([ids])
                last = model(x, torch.ones_like(x), torch.arange(len(ids))[None], None)[0][0, -1]
            own.append([round(float(v), 7) for v in last])
            ids.append(int(last.argmax()))
        tokens.append(ids[len(row) :])
        logits.append(own)
    return {"tokens": tokens, "logits": logits}


def reference(w, folder):
    found = {
        "vector": VECTOR.tolist(),
        "rows": ROWS,
        "plain": generated(w),
        "steered": generated(w, lambda layer, x: x + VECTOR if layer == 0 else x),
    }
    with open(os.path.join(folder, "reference.json"), "w") as out:
        json.dump(found, out)


# ------------------------------------------------------------------ onnxruntime-genai's layout
def genai(w, path):
    nodes, weights_ = [], [numpy_helper.from_array(v.numpy(), k) for k, v in w.items() if "_proj" not in k and k != "lm_head"]
    cos, sin = tables()
    weights_ += [numpy_helper.from_array(cos.numpy(), "cos_cache"), numpy_helper.from_array(sin.numpy(), "sin_cache")]
    weights_ += [numpy_helper.from_array(np.array([1], np.int64), "/model/constants/INT64/[1]"), numpy_helper.from_array(np.array(1, np.int64), "/model/constants/INT64/1")]

    def node(op, name, inputs, outputs=None, domain="", **attributes):
        nodes.append(helper.make_node(op, inputs, outputs or [name + "/output_0"], name=name, domain=domain, **attributes))
        return nodes[-1].output[0]

    def product(name, x, matrix):
        weight = name[1:].replace("/", ".") + ".weight"
        weights_.append(numpy_helper.from_array(matrix.numpy(), weight))
        return node("MatMul", name, [x, weight])

    def skip_norm(name, x, more, weight):
        node("SkipSimplifiedLayerNormalization", name, [x, more, weight], [name + "/output_0", "", "", name + "/output_3"], "com.microsoft", epsilon=1e-6)
        return name + "/output_0", name + "/output_3"

    mask = "/model/attn_mask_reformat/attn_mask_subgraph/"
    node("ReduceSum", mask + "ReduceSum", ["attention_mask", "/model/constants/INT64/[1]"], keepdims=0)
    node("Sub", mask + "Sub", [mask + "ReduceSum/output_0", "/model/constants/INT64/1"])
    lengths = node("Cast", mask + "Sub/Cast", [mask + "Sub/output_0"], to=TensorProto.INT32)
    node("Shape", mask + "Shape", ["attention_mask"])
    node("Gather", mask + "Gather", [mask + "Shape/output_0", "/model/constants/INT64/1"], axis=0)
    total = node("Cast", mask + "Gather/Cast", [mask + "Gather/output_0"], to=TensorProto.INT32)
    x = node("Gather", "/model/embed_tokens/Gather", ["model.embed_tokens.weight", "input_ids"])
    down = None
    for i in range(LAYERS):
        p, names = f"/model/layers.{i}/", f"model.layers.{i}."
        if down is None:
            y = node("SimplifiedLayerNormalization", p + "input_layernorm/LayerNorm", [x, names + "input_layernorm.weight"], axis=-1, epsilon=1e-6, stash_type=1)
        else:
            y, x = skip_norm(p + "input_layernorm/SkipLayerNorm", x, down, names + "input_layernorm.weight")
        q, k, v = [product(p + f"attn/{n}_proj/MatMul", y, w[names + f"attn.{n}_proj"]) for n in "qkv"]
        attention = p + "attn/GroupQueryAttention"
        node(
            "GroupQueryAttention",
            attention,
            [q, k, v, f"past_key_values.{i}.key", f"past_key_values.{i}.value", lengths, total, "cos_cache", "sin_cache"],
            [attention + "/output_0", f"present.{i}.key", f"present.{i}.value"],
            "com.microsoft",
            num_heads=HEADS,
            kv_num_heads=KV,
            do_rotary=1,
            rotary_interleaved=0,
            scale=DH**-0.5,
        )
        o = product(p + "attn/o_proj/MatMul", attention + "/output_0", w[names + "attn.o_proj"])
        y, x = skip_norm(p + "post_attention_layernorm/SkipLayerNorm", x, o, names + "post_attention_layernorm.weight")
        gate = product(p + "mlp/gate_proj/MatMul", y, w[names + "mlp.gate_proj"])
        up = product(p + "mlp/up_proj/MatMul", y, w[names + "mlp.up_proj"])
        sigmoid = node("Sigmoid", p + "mlp/act_fn/Sigmoid", [gate])
        act = node("Mul", p + "mlp/act_fn/Mul", [gate, sigmoid])
        down = product(p + "mlp/down_proj/MatMul", node("Mul", p + "mlp/Mul", [act, up]), w[names + "mlp.down_proj"])
    y, _ = skip_norm(f"/model/layers.{LAYERS}/final_norm_layernorm/SkipLayerNorm", x, down, "model.norm.weight")
    weights_.append(numpy_helper.from_array(w["lm_head"].numpy(), "lm_head.MatMul.weight"))
    node("MatMul", "/lm_head/MatMul", [y, "lm_head.MatMul.weight"], ["logits"])
    info = helper.make_tensor_value_info
    inputs = [info("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]), info("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"])]
    outputs = [info("logits", TensorProto.FLOAT, ["batch_size", "sequence_length", VOCAB])]
    for i in range(LAYERS):
        for k in ("key", "value"):
            inputs.append(info(f"past_key_values.{i}.{k}", TensorProto.FLOAT, ["batch_size", KV, "past_sequence_length", DH]))
            outputs.append(info(f"present.{i}.{k}", TensorProto.FLOAT, ["batch_size", KV, "total_sequence_length", DH]))
    graph = helper.make_graph(nodes, "main_graph", inputs, outputs, weights_)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, producer_name="onnxruntime-genai", ir_version=10), path)


# ------------------------------------------------------------------ exports
def export(model, inputs, path, names, outputs, axes):
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(model.eval(), inputs, path, dynamo=False, opset_version=17, input_names=names, output_names=outputs, dynamic_axes=axes)
    return onnx.load(path)


def merged(w, path):
    """As optimum does: both decoders are branches of one If; weights are outside, each once."""
    pasts = [f"past_key_values.{i}.{k}" for i in range(LAYERS) for k in ("key", "value")]
    presents = [f"present.{i}.{k}" for i in range(LAYERS) for k in ("key", "value")]
    ids, past = torch.tensor([[1, 2, 3]] * 2), 4
    full = {0: "batch_size", 1: "sequence_length"}
    axes = {"input_ids": full, "position_ids": full, "logits": full}
    axes |= {n: {0: "batch_size", 2: "past_sequence_length"} for n in pasts} | {n: {0: "batch_size", 2: "total"} for n in presents}
    names = ["input_ids", "attention_mask", "position_ids"]
    plain = export(Decoder(w, False), (ids, torch.ones_like(ids), torch.arange(3)[None].repeat(2, 1), None), path, names, ["logits"] + presents, axes | {"attention_mask": full})
    cache = [(torch.randn(2, KV, past, DH), torch.randn(2, KV, past, DH)) for _ in range(LAYERS)]
    wide = {0: "batch_size", 1: "past_sequence_length + 1"}
    cached = export(Decoder(w, True), (ids, torch.ones(2, past + 3, dtype=torch.long), torch.arange(4, 7)[None].repeat(2, 1), cache), path, names + pasts, ["logits"] + presents, axes | {"attention_mask": wide})
    outer, known, branches = [], {}, []
    for model, suffix in ((cached, "then"), (plain, "else")):
        renamed = {}
        for tensor in model.graph.initializer:
            key = (tuple(tensor.dims), tensor.data_type, numpy_helper.to_array(tensor).tobytes())
            if key not in known:
                known[key] = tensor.name + "_merged_" + str(len(outer))
                copy = onnx.TensorProto()
                copy.CopyFrom(tensor)
                copy.name = known[key]
                outer.append(copy)
            renamed[tensor.name] = known[key]
        results = {o.name: f"{o.name}_{suffix}" for o in model.graph.output}
        for node in model.graph.node:
            node.input[:] = [renamed.get(n, results.get(n, n)) for n in node.input]
            node.output[:] = [results.get(n, n) for n in node.output]
        outputs = [helper.make_tensor_value_info(results[o.name], TensorProto.FLOAT, None) for o in model.graph.output]
        branches.append(helper.make_graph(list(model.graph.node), "with_past" if suffix == "then" else "no_past", [], outputs))
    choose = helper.make_node("If", ["use_cache_branch"], ["logits"] + presents, name="optimum::if", then_branch=branches[0], else_branch=branches[1])
    inputs = list(cached.graph.input) + [helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])]
    graph = helper.make_graph([choose], "merged", inputs, list(cached.graph.output), outer)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="optimum-onnx", ir_version=9), path)


class EncoderStates(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.encoder = model.get_encoder()

    def forward(self, *given):
        return self.encoder(**dict(zip(self.names, given))).last_hidden_state


def two_parts(model, folder, encoder_inputs, steered, start):
    """Exports encoder_model.onnx and decoder_model.onnx, and writes what `generate` makes, plain and with edits in both."""
    os.makedirs(folder, exist_ok=True)
    base, encoder = type(model), EncoderStates(model)
    encoder.names = list(encoder_inputs)
    states = encoder(*encoder_inputs.values())
    masked = "attention_mask" in encoder_inputs
    axes = {n: {0: "batch_size", 1: "encoder_sequence_length"} for n in encoder_inputs} if masked else {n: {0: "batch_size"} for n in encoder_inputs}
    axes["last_hidden_state"] = {0: "batch_size", 1: "encoder_sequence_length"}
    export(encoder, tuple(encoder_inputs.values()), os.path.join(folder, "encoder_model.onnx"), encoder.names, ["last_hidden_state"], axes)
    rows = len(states)

    def forward(self, *given):
        mask = given[0] if masked else None
        ids, hidden = given[-2:]
        return base.forward(self, encoder_outputs=(hidden,), attention_mask=mask, decoder_input_ids=ids, decoder_attention_mask=torch.ones_like(ids), use_cache=False).logits

    plain_class = model.__class__
    model.__class__ = type(base.__name__, (base,), {"forward": forward, "__module__": base.__module__, "__qualname__": base.__qualname__})
    names = (["encoder_attention_mask"] if masked else []) + ["input_ids", "encoder_hidden_states"]
    given = ([encoder_inputs["attention_mask"]] if masked else []) + [torch.tensor([[start, 5, 6]] * rows), states]
    axes = {n: {0: "batch_size", 1: "encoder_sequence_length"} for n in ("encoder_attention_mask", "encoder_hidden_states")}
    axes |= {n: {0: "batch_size", 1: "decoder_sequence_length"} for n in ("input_ids", "logits")}
    export(model, tuple(given), os.path.join(folder, "decoder_model.onnx"), names, ["logits"], axes)
    model.__class__ = plain_class
    found = {"start": start, "vector": VECTOR.tolist(), "sites": steered}
    for n, t in encoder_inputs.items():
        found[n] = t.tolist()
    modules = dict(model.named_modules())
    for name, sites in (("plain", []), ("encoder", steered[:1]), ("decoder", steered[1:]), ("both", steered)):
        hooks = [modules[s].register_forward_hook(lambda m, x, y: (y[0] + VECTOR, *y[1:]) if isinstance(y, tuple) else y + VECTOR) for s in sites]
        with torch.no_grad():
            out = model.generate(**encoder_inputs, max_new_tokens=STEPS, min_new_tokens=STEPS, do_sample=False, num_beams=1, return_dict_in_generate=True, output_logits=True)
        [h.remove() for h in hooks]
        found[name] = {"tokens": out.sequences[:, -STEPS:].tolist(), "logits": torch.stack(out.logits, 1).tolist()}
    with open(os.path.join(folder, "reference.json"), "w") as file:
        json.dump(found, file)


def reinit(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g)
            p.copy_((1 + 0.2 * r if name.endswith("weight") else 0.1 * r) if p.dim() == 1 else (0.6 if "embed" in name or "shared" in name else 0.25) * r)
    return model.eval()


def main(out):
    w = weights()
    for name, make in (("genai", genai), ("merged", merged)):
        folder = os.path.join(out, name)
        os.makedirs(folder, exist_ok=True)
        make(w, os.path.join(folder, "model.onnx" if name == "genai" else "decoder_model_merged.onnx"))
        reference(w, folder)
    # no end token: all rows have all steps
    t5 = transformers.T5Config(vocab_size=VOCAB, d_model=D, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0, eos_token_id=None, pad_token_id=0, attn_implementation="eager")
    ids, mask = torch.tensor([[9, 44, 3, 71, 20], [8, 33, 2, 0, 0]]), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    model = reinit(transformers.T5ForConditionalGeneration(t5), 3)
    two_parts(model, os.path.join(out, "t5"), {"input_ids": ids, "attention_mask": mask}, ["encoder.block.0", "decoder.block.0"], 0)
    whisper = transformers.WhisperConfig(vocab_size=VOCAB, d_model=D, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_mel_bins=8, max_source_positions=10, max_target_positions=32, pad_token_id=0, bos_token_id=1, eos_token_id=None, decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None, attn_implementation="eager")
    model = reinit(transformers.WhisperForConditionalGeneration(whisper), 4)
    features = torch.randn(2, 8, 20, generator=torch.Generator().manual_seed(5))
    model.generation_config.decoder_start_token_id = 1
    model.generate = lambda **k: transformers.GenerationMixin.generate(model, **k)
    two_parts(model, os.path.join(out, "whisper"), {"input_features": features}, ["model.encoder.layers.0", "model.decoder.layers.0"], 1)


main(sys.argv[1])
