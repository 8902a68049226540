#!/usr/bin/env python3
"""Trains small things inside frozen models with plain PyTorch: the reference of Sonde's own training.

    python train_reference.py MODELS_DIR OUT_DIR        # MODELS_DIR: src-test-models, OUT_DIR: src-test-models/training

OUT_DIR receives training.safetensors (inputs, starting values, losses, final values), training.json (what they are) and
equality/model.onnx (the multilayer perceptron that solves hierarchical equality, for distributed alignment search).

steering: a vector added to transformer.h.1's output at all positions of the tiny decoder `names`, Adam, cross-entropy of
one fixed name at the last position.  lora: c_attn of block 1 becomes W + scale * A B (rank 4), AdamW with weight decay,
cross-entropy of *the giver's own name* where the model would say the other one.  equality: is (a == b) the same as
(c == d)?  16 inputs (four vectors of 4), three hidden layers of 32; batches of counterfactual pairs for the variable
(a == b), as in Geiger et al. 2023 (arXiv:2303.02536), section 4.

Everything is seeded, float32, one thread.  Needs requirements.txt.
"""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

torch.set_num_threads(1)
models, out = sys.argv[1], sys.argv[2]
tensors, facts = {}, {}


def names_model():
    folder = os.path.join(models, "tiny", "names")
    config = GPT2Config.from_pretrained(folder)
    config._attn_implementation = "eager"
    model = GPT2LMHeadModel(config)
    missing = model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")), strict=False)
    assert not missing.unexpected_keys and set(missing.missing_keys) <= {"lm_head.weight"}, missing
    model.tie_weights()
    return model.eval().requires_grad_(False), Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))


NAMES = "Alice Bob Carol David Emma Frank Grace Henry".split()
PLACES = "park store school office".split()


def prompts(tokenizer, seed, count):
    """Sentences of one length, so that no padding is needed, and who gives and who gets."""
    pick = np.random.RandomState(seed)
    texts, givers, getters = [], [], []
    for _ in range(count):
        a, b = pick.choice(NAMES, 2, replace=False)
        place, thing = pick.choice(PLACES), pick.choice("book ring key map".split())
        texts.append(f"When {a} and {b} went to the {place} , {a} gave a {thing} to")
        givers.append(tokenizer.token_to_id(a))
        getters.append(tokenizer.token_to_id(b))
    ids = [tokenizer.encode(text).ids for text in texts]
    assert len({len(each) for each in ids}) == 1
    return torch.tensor(ids), torch.tensor(givers), torch.tensor(getters), texts


def steering(model, tokenizer):
    batch, steps, lr = 8, 40, 0.05
    ids, _, _, texts = prompts(tokenizer, 1, 32)
    target = tokenizer.token_to_id("Zoe")
    g = torch.Generator().manual_seed(0)
    vector = torch.nn.Parameter(0.01 * torch.randn(64, generator=g))
    tensors["steering/start"] = vector.detach().clone()
    hook = model.transformer.h[1].register_forward_hook(
        lambda m, i, o: (o[0] + vector,) + o[1:] if isinstance(o, tuple) else o + vector)
    optimizer = torch.optim.Adam([vector], lr=lr, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for step in range(steps):
        rows = ids[(step * batch) % 32:(step * batch) % 32 + batch]
        logits = model(rows).logits[:, -1]
        loss = torch.nn.functional.cross_entropy(logits, torch.full((batch,), target))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hook.remove()
    tensors.update({"steering/ids": ids, "steering/losses": torch.tensor(losses), "steering/final": vector.detach()})
    facts["steering"] = dict(site="transformer.h.1#output", target=target, batch=batch, steps=steps, optimizer="adam",
                             lr=lr, betas=[0.9, 0.999], eps=1e-8, texts=texts[:2],
                             order="step s sees rows s*batch .. s*batch+batch-1, modulo 32")


def lora(model, tokenizer):
    batch, steps, lr, rank, scale, decay = 8, 60, 0.01, 4, 2.0, 0.01
    ids, givers, _, texts = prompts(tokenizer, 2, 32)
    g = torch.Generator().manual_seed(1)
    a = torch.nn.Parameter(torch.randn(64, rank, generator=g) / 8)
    b = torch.nn.Parameter(torch.zeros(rank, 192))
    tensors.update({"lora/a": a.detach().clone(), "lora/b": b.detach().clone()})
    linear = model.transformer.h[1].attn.c_attn
    hook = linear.register_forward_hook(lambda m, i, o: o + scale * (i[0] @ a) @ b)
    optimizer = torch.optim.AdamW([a, b], lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay)
    losses = []
    for step in range(steps):
        at = slice((step * batch) % 32, (step * batch) % 32 + batch)
        loss = torch.nn.functional.cross_entropy(model(ids[at]).logits[:, -1], givers[at])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    hook.remove()
    tensors.update({"lora/ids": ids, "lora/targets": givers, "lora/losses": torch.tensor(losses),
                    "lora/final_a": a.detach(), "lora/final_b": b.detach()})
    facts["lora"] = dict(module="transformer.h.1.attn.c_attn", rank=rank, scale=scale, batch=batch, steps=steps,
                         optimizer="adamw", lr=lr, betas=[0.9, 0.999], eps=1e-8, weight_decay=decay, texts=texts[:2],
                         meaning="output + scale * (input @ a) @ b; order of rows as for steering")


class Equality(torch.nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(16, width), torch.nn.Linear(width, width),
                                           torch.nn.Linear(width, width)])
        self.score = torch.nn.Linear(width, 2)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.score(x)


def quadruples(g, vectors, n, first=None, second=None):
    """Four of the vectors; `first` and `second` say whether a == b and c == d."""
    def pair(equal):
        a = torch.randint(len(vectors), (n,), generator=g)
        other = (a + torch.randint(1, len(vectors), (n,), generator=g)) % len(vectors)
        return a, torch.where(equal, a, other)
    first = torch.rand(n, generator=g) < 0.5 if first is None else first
    second = torch.rand(n, generator=g) < 0.5 if second is None else second
    (a, b), (c, d) = pair(first), pair(second)
    return torch.cat([vectors[a], vectors[b], vectors[c], vectors[d]], 1), first, second


def equality():
    torch.manual_seed(3)
    g = torch.Generator().manual_seed(3)
    vectors = torch.rand(20, 4, generator=g) * 2 - 1
    model = Equality()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(8000):
        x, first, second = quadruples(g, vectors, 512)
        loss = torch.nn.functional.cross_entropy(model(x), (first == second).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().requires_grad_(False)
    x, first, second = quadruples(g, vectors, 4096)
    accuracy = (model(x).argmax(-1) == (first == second).long()).float().mean().item()
    for name, n in (("train", 6400), ("test", 1600)):
        base, first, second = quadruples(g, vectors, n)
        source, other, _ = quadruples(g, vectors, n)
        label = (other == second).long()          # the source's (a == b) in the base's computation
        tensors.update({f"equality/{name}_base": base, f"equality/{name}_source": source,
                        f"equality/{name}_label": label})
    folder = os.path.join(out, "equality")
    os.makedirs(folder, exist_ok=True)
    torch.onnx.export(model, (x[:3],), os.path.join(folder, "model.onnx"), dynamo=False, opset_version=17,
                      input_names=["x"], output_names=["logits"],
                      dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}})
    facts["equality"] = dict(accuracy=accuracy, input="x", output="logits", hidden=["layers.0", "layers.1", "layers.2"],
                             das=das(model))


def das(model):
    """Learns a rotation of layers.0's activation in which the first 8 directions carry (a == b)."""
    torch.manual_seed(5)
    rotation = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(32, 32, bias=False))
    optimizer = torch.optim.Adam(rotation.parameters(), lr=5e-3)

    def run(base, source):
        r = rotation.weight
        hb, hs = (torch.relu(model.layers[0](x)) @ r.T for x in (base, source))
        h = torch.cat([hs[:, :8], hb[:, 8:]], 1) @ r
        for each in model.layers[1:]:
            h = torch.relu(each(h))
        return model.score(h)

    base, source, label = (tensors[f"equality/train_{k}"] for k in ("base", "source", "label"))
    for epoch in range(25):
        for at in range(0, len(base), 128):
            loss = torch.nn.functional.cross_entropy(run(base[at:at + 128], source[at:at + 128]), label[at:at + 128])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    base, source, label = (tensors[f"equality/test_{k}"] for k in ("base", "source", "label"))
    with torch.no_grad():
        accuracy = (run(base, source).argmax(-1) == label).float().mean().item()
    return dict(site="the ReLU behind layers.0", directions=8, epochs=25, batch=128, lr=5e-3, accuracy=accuracy)


os.makedirs(out, exist_ok=True)
model, tokenizer = names_model()
steering(model, tokenizer)
lora(model, tokenizer)
equality()
save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(out, "training.safetensors"))
facts["made_by"] = {"torch": torch.__version__, "numpy": np.__version__}
json.dump(facts, open(os.path.join(out, "training.json"), "w"), indent=1)
print(json.dumps({k: (v if k == "equality" else None) for k, v in facts.items()}, indent=1))
print("steering", tensors["steering/losses"][[0, 1, 10, -1]].tolist(), "lora", tensors["lora/losses"][[0, 1, 10, -1]].tolist())
