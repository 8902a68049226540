"""Writes the weights of layer 1 of the conformance models as TransformerLens names and turns them.

    python make_weights.py CONFORMANCE/generate ../weights/reference.safetensors

The numbers are PyTorch's own parameters, cut into heads by their documented layouts; no ONNX file is read.
"""
import sys

import torch
from safetensors.torch import save_file

sys.path.insert(0, sys.argv[1])
from models_public import PUBLIC  # noqa: E402

LAYER = 1
HEADS = 4
out = {}


def heads(w, n):
    """[head * d_head, d_model] of a Linear to [head, d_model, d_head]."""
    return w.reshape(n, -1, w.shape[1]).transpose(1, 2)


def attention(model, q, k, v, o, kv=HEADS):
    for letter, (w, b), n in (("Q", q, HEADS), ("K", k, kv), ("V", v, kv)):
        put(model, "W_" + letter, heads(w, n))
        if b is not None:
            put(model, "b_" + letter, b.reshape(n, -1))
    put(model, "W_O", o[0].t().reshape(HEADS, -1, o[0].shape[0]))
    if o[1] is not None:
        put(model, "b_O", o[1])


def put(model, name, value, layer=True):
    site = f"layers.{LAYER}#{name}" if layer else name
    out[f"{model}/{site}"] = value.detach().clone().contiguous()


def both(linear):
    return linear.weight, linear.bias


def mlp(model, up, down, gate=None):
    put(model, "W_in", up.weight.t())
    put(model, "W_out", down.weight.t())
    for name, linear in (("in", up), ("out", down)):
        if linear.bias is not None:
            put(model, "b_" + name, linear.bias)
    if gate is not None:
        put(model, "W_gate", gate.weight.t())


def gpt2():
    m = PUBLIC["gpt2"].build()
    h = m.transformer.h[LAYER]
    w, b = h.attn.c_attn.weight.t().chunk(3), h.attn.c_attn.bias.chunk(3)
    attention("gpt2", *zip(w, b), (h.attn.c_proj.weight.t(), h.attn.c_proj.bias))
    for name, conv in (("in", h.mlp.c_fc), ("out", h.mlp.c_proj)):
        put("gpt2", "W_" + name, conv.weight)
        put("gpt2", "b_" + name, conv.bias)
    put("gpt2", "W_E", m.transformer.wte.weight, False)
    put("gpt2", "W_pos", m.transformer.wpe.weight, False)
    put("gpt2", "W_U", m.lm_head.weight.t(), False)


def llama():
    m = PUBLIC["llama"].build()
    h = m.model.layers[LAYER]
    a = h.self_attn
    attention("llama", both(a.q_proj), both(a.k_proj), both(a.v_proj), both(a.o_proj), 2)
    mlp("llama", h.mlp.up_proj, h.mlp.down_proj, h.mlp.gate_proj)
    put("llama", "W_E", m.model.embed_tokens.weight, False)
    put("llama", "W_U", m.lm_head.weight.t(), False)


def gpt_neox():
    m = PUBLIC["gpt_neox"].build()
    h = m.gpt_neox.layers[LAYER]
    a = h.attention
    w = a.query_key_value.weight.reshape(HEADS, 3, -1, 32)
    b = a.query_key_value.bias.reshape(HEADS, 3, -1)
    parts = [(w[:, i].reshape(-1, 32), b[:, i].reshape(-1)) for i in range(3)]
    attention("gpt_neox", *parts, both(a.dense))
    mlp("gpt_neox", h.mlp.dense_h_to_4h, h.mlp.dense_4h_to_h)
    put("gpt_neox", "W_E", m.gpt_neox.embed_in.weight, False)
    put("gpt_neox", "W_U", m.lm_head.weight.t(), False)


def bert():
    m = PUBLIC["bert"].build()
    h = m.bert.encoder.layer[LAYER]
    a = h.attention.self
    attention("bert", both(a.query), both(a.key), both(a.value), both(h.attention.output.dense))
    mlp("bert", h.intermediate.dense, h.output.dense)
    put("bert", "W_E", m.bert.embeddings.word_embeddings.weight, False)
    put("bert", "W_pos", m.bert.embeddings.position_embeddings.weight, False)


def vit():
    m = PUBLIC["vit"].build()
    h = m.vit.layers[LAYER]
    a = h.attention
    attention("vit", both(a.q_proj), both(a.k_proj), both(a.v_proj), both(a.o_proj))
    mlp("vit", h.mlp.fc1, h.mlp.fc2)


for make in (gpt2, llama, gpt_neox, bert, vit):
    make()
save_file(out, sys.argv[2])
print(len(out), "tensors", sum(t.numel() * 4 for t in out.values()), "bytes")
