#!/usr/bin/env python3
"""What plain PyTorch finds by the methods of dev.sonde.methods: the reference of Sonde's own.

    python method_reference.py MODELS_DIR OUT          # src-test-models, src-test-models/training/methods.safetensors

Trajectories (losses before each step, final values) of trainings inside frozen models: every optimiser, schedule and clipping
on a softmax regression; a probe, masks (sigmoid with a falling temperature; hard concrete, Louizos et al. 2018), a sparse
autoencoder, LoRAs on several linears, alignment search with tangent gradients and QR retraction, boundless alignment search.
Scores by gradients on the decoder `names` and the conformance suite's GPT-2: attribution patching, saliency, gradient x input,
integrated gradients, edge attribution (Syed et al. 2023; Hanna et al. 2024) by a forward pass written out here, in which every
lower end of an edge reads a stream of its own.

Everything is seeded, float32, one thread; nothing of Sonde is imported. Needs requirements.txt.
"""
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

torch.set_num_threads(1)
models, out = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(models, "conformance", "generate"))
from models_public import PUBLIC  # noqa: E402

tensors = {}


def put(name, value):
    value = torch.as_tensor(value).detach().clone().contiguous()
    tensors[name] = value.float() if value.dtype == torch.float64 else value


def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def names_model():
    folder = os.path.join(models, "tiny", "names")
    config = GPT2Config.from_pretrained(folder)
    config._attn_implementation = "eager"
    model = GPT2LMHeadModel(config)
    model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")), strict=False)
    model.tie_weights()
    return model.eval().requires_grad_(False), Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))


NAMES = "Alice Bob Carol David Emma Frank Grace Henry".split()


def prompts(tokenizer, seed, count):
    """Sentences of one length with giver and getter, and the same with another giver."""
    pick = np.random.RandomState(seed)
    ids, others, givers, getters = [], [], [], []
    for _ in range(count):
        a, b = pick.choice(NAMES, 2, replace=False)
        place, thing = pick.choice("park store school office".split()), pick.choice("book ring key map".split())
        for giver, into in ((a, ids), (b, others)):
            into.append(tokenizer.encode(f"When {a} and {b} went to the {place} , {giver} gave a {thing} to").ids)
        givers.append(a)
        getters.append(b)
    token = lambda names: torch.tensor([tokenizer.token_to_id(n) for n in names])  # noqa: E731
    return torch.tensor(ids), torch.tensor(others), token(givers), token(getters), \
        torch.tensor([NAMES.index(n) for n in getters])


# ---------------------------------------------------------------------------------------------------- optimisers

def optimisers():
    x, labels = noise(1, 24, 6), torch.randint(3, (24,), generator=torch.Generator().manual_seed(2))
    start = noise(3, 6, 3)
    put("optim/x", x), put("optim/labels", labels), put("optim/start", start)
    opt = torch.optim
    half = lambda step, warm, total: (  # noqa: E731
        step / warm if step < warm else 0.5 * (1 + np.cos(np.pi * min(1, (step - warm) / (total - warm)))))
    kinds = {
        "sgd": (lambda p: opt.SGD(p, 0.3), None, None),
        "sgd_decay": (lambda p: opt.SGD(p, 0.3, weight_decay=0.1), None, None),
        "momentum": (lambda p: opt.SGD(p, 0.2, momentum=0.9), None, None),
        "dampened": (lambda p: opt.SGD(p, 0.2, momentum=0.9, dampening=0.5, weight_decay=0.05), None, None),
        "nesterov": (lambda p: opt.SGD(p, 0.2, momentum=0.8, nesterov=True), None, None),
        "adam": (lambda p: opt.Adam(p, 0.1), None, None),
        "adam_decay": (lambda p: opt.Adam(p, 0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1), None, None),
        "adamw": (lambda p: opt.AdamW(p, 0.1, weight_decay=0.2), None, None),
        "clipped": (lambda p: opt.Adam(p, 0.1), None, 0.2),
        "linear": (lambda p: opt.SGD(p, 0.5), lambda s: s / 4 if s < 4 else max(0, 1 - (s - 4) / 12), None),
        "cosine": (lambda p: opt.AdamW(p, 0.2), lambda s: half(s, 3, 16), None),
        "stepwise": (lambda p: opt.SGD(p, 0.5), lambda s: 0.5 ** (s // 5), None),
    }
    for name, (make, schedule, clip) in kinds.items():
        w = torch.nn.Parameter(start.clone())
        optimizer = make([w])
        scheduler = opt.lr_scheduler.LambdaLR(optimizer, schedule) if schedule else None
        losses, norms, rates = [], [], []
        for step in range(16):
            at = slice(step * 8 % 24, step * 8 % 24 + 8)
            loss = F.cross_entropy(x[at] @ w, labels[at])
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_([w], clip if clip else 1e9).item())
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if scheduler:
                scheduler.step()
        for what, value in (("losses", losses), ("norms", norms), ("rates", rates), ("final", w)):
            put(f"optim/{name}/{what}", value)


# ------------------------------------------------------------------------------------------------------ trainings

def fit(name, params, optimizer, steps, loss_of, keep=True):
    losses = []
    for step in range(steps):
        loss = loss_of(step)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    put(f"{name}/losses", losses)
    if keep:
        for each, value in params.items():
            put(f"{name}/final_{each}", value)


def batch(step, size=8, rows=32):
    return slice(step * size % rows, step * size % rows + size)


def stream(model, ids, layer):
    """What block `layer` returns."""
    kept = []
    hook = model.transformer.h[layer].register_forward_hook(
        lambda m, i, o: kept.append(o[0] if isinstance(o, tuple) else o))
    model(ids)
    hook.remove()
    return kept[0]


def probe(model, ids, classes):
    put("probe/labels", classes)
    w, b = torch.nn.Parameter(torch.zeros(64, 8)), torch.nn.Parameter(torch.zeros(8))
    fit("probe", dict(weight=w, bias=b), torch.optim.Adam([w, b], lr=0.02), 60, lambda step: F.cross_entropy(
        stream(model, ids[batch(step)], 2)[:, -1] @ w + b, classes[batch(step)]))


def masked_heads(model, ids, open_, otherwise=None):
    """Logits at the last position with the heads' outputs times a mask [layer, head]."""
    hooks = [block.attn.c_proj.register_forward_pre_hook(
        lambda m, i, layer=layer: ((i[0].unflatten(-1, (4, 16)) * open_[layer][:, None]).flatten(-2),))
        for layer, block in enumerate(model.transformer.h)]
    logits = model(ids).logits[:, -1]
    for hook in hooks:
        hook.remove()
    return logits


def kl(model, ids, open_):
    """Of the masked model's next token from the whole one's, in nats."""
    whole = F.log_softmax(model(ids).logits[:, -1], -1)
    return F.kl_div(F.log_softmax(masked_heads(model, ids, open_), -1), whole, log_target=True, reduction="batchmean")


def masks(model, ids):
    logits = torch.nn.Parameter(torch.full((3, 4), 2.0))
    heat = lambda step: 1.0 * 0.1 ** (step / 60)  # noqa: E731

    def loss(step):
        open_ = torch.sigmoid(logits / heat(step))
        return kl(model, ids[batch(step)], open_) + 2.0 * open_.mean()

    fit("mask", dict(logits=logits), torch.optim.Adam([logits], lr=0.1), 60, loss)
    logits = torch.nn.Parameter(torch.full((3, 4), 2.0))
    draws = noise(9, 40, 3, 4)
    put("hard_concrete/noise", draws)
    beta, low, high = 2 / 3, -0.1, 1.1
    samples = []

    def hard(step):
        u = 0.5 * (1 + torch.erf(draws[step] / 2 ** 0.5))
        s = torch.sigmoid((torch.log(u) - torch.log(1 - u) + logits) / beta)
        open_ = torch.clamp(s * (high - low) + low, 0, 1)
        samples.append(open_.detach())
        chance = torch.sigmoid(logits - beta * np.log(-low / high))
        return kl(model, ids[batch(step)], open_) + 2.0 * chance.mean()

    fit("hard_concrete", dict(logits=logits), torch.optim.Adam([logits], lr=0.1), 40, hard)
    put("hard_concrete/first_sample", samples[0])


def autoencoder(model, ids):
    """f = relu(x W_enc + b_enc), x' = f W_dec + b_dec; squared error and 3e-3 * sum f |W_dec|, mean over the tokens."""
    width, features, penalty = 64, 96, 3e-3
    dec = F.normalize(noise(21, features, width), dim=-1) * 0.1
    p = dict(W_enc=dec.T.clone(), b_enc=torch.zeros(features), W_dec=dec.clone(), b_dec=torch.zeros(width))
    put("sae/start", dec)
    p = {k: torch.nn.Parameter(v) for k, v in p.items()}
    read = lambda x: torch.relu(x @ p["W_enc"] + p["b_enc"])  # noqa: E731
    write = lambda f: f @ p["W_dec"] + p["b_dec"]  # noqa: E731

    def loss(step):
        x = stream(model, ids[batch(step)], 1)
        f = read(x)
        return ((write(f) - x) ** 2).sum(-1).mean() + penalty * (f * p["W_dec"].norm(dim=-1)).sum(-1).mean()

    fit("sae", p, torch.optim.Adam(p.values(), lr=3e-3), 80, loss)
    with torch.no_grad():
        x = stream(model, ids[:4], 1)
        f = read(x)
        put("sae/features", f)
        strongest = f.sum((0, 1)).argmax()
        put("sae/strongest", strongest[None])
        edited = f.clone()
        edited[..., strongest] = 0
        for name, new in (("spliced", write(f)), ("ablated", x + write(edited) - write(f))):
            hook = model.transformer.h[1].register_forward_hook(
                lambda m, i, o: (new,) + o[1:] if isinstance(o, tuple) else new)
            put(f"sae/{name}_logits", model(ids[:4]).logits[:, -1])
            hook.remove()


def loras(model, ids, givers):
    modules = ["transformer.h.0.mlp.c_fc", "transformer.h.1.attn.c_attn", "transformer.h.2.attn.c_proj", "lm_head"]
    p, hooks = {}, []
    for number, path in enumerate(modules):
        linear = model.get_submodule(path)
        n_in, n_out = linear.weight.shape if path != "lm_head" else reversed(linear.weight.shape)
        a = torch.nn.Parameter(noise(30 + number, n_in, 2) / 8)
        b = torch.nn.Parameter(torch.zeros(2, n_out))
        put(f"loras/{number}/a", a)
        p[f"a{number}"], p[f"b{number}"] = a, b
        hooks.append(linear.register_forward_hook(lambda m, i, o, a=a, b=b: o + 1.5 * (i[0] @ a) @ b))
    fit("loras", p, torch.optim.AdamW(p.values(), lr=0.01, weight_decay=0.05), 24,
        lambda step: F.cross_entropy(model(ids[batch(step)]).logits[:, -1], givers[batch(step)]))
    for hook in hooks:
        hook.remove()


# ------------------------------------------------------------------------------------------------ alignment search

def orthonormal(r):
    q, u = torch.linalg.qr(r.double())
    return (q * torch.sign(torch.diagonal(u))).float()


def along(r):
    """The part of r's gradient along the manifold of orthonormal columns."""
    s = r.T @ r.grad
    r.grad -= r @ ((s + s.T) / 2)


def alignment():
    found = onnx.load(os.path.join(models, "training", "equality", "model.onnx")).graph.initializer
    weights = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in found}
    data = load_file(os.path.join(models, "training", "training.safetensors"))
    base, source, label = (data[f"equality/test_{each}"] for each in ("base", "source", "label"))
    layer = lambda h, n: h @ weights[n + ".weight"].T + weights[n + ".bias"]  # noqa: E731
    first = lambda x: torch.relu(layer(x, "layers.0"))  # noqa: E731
    rest = lambda h: layer(torch.relu(layer(torch.relu(layer(h, "layers.1")), "layers.2")), "score")  # noqa: E731

    r = torch.nn.Parameter(orthonormal(noise(41, 32, 16)))
    put("das/start", r)
    optimizer = torch.optim.Adam([r], lr=0.01)
    losses = []
    for step in range(25):
        at = batch(step, 64, 1600)
        hb, hs = first(base[at]), first(source[at])
        loss = F.cross_entropy(rest(hb + (hs - hb) @ r @ r.T), label[at])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            along(r)
            optimizer.step()
            r.copy_(orthonormal(r))
    put("das/losses", losses), put("das/final", r)

    r, edge = torch.nn.Parameter(orthonormal(noise(42, 32, 32))), torch.nn.Parameter(torch.tensor([0.5]))
    put("boundless/start", r)
    optimizer = torch.optim.Adam([dict(params=[r], lr=0.01), dict(params=[edge], lr=0.01)])
    losses = []
    for step in range(25):
        at = batch(step, 64, 1600)
        heat = 5.0 * (0.1 / 5.0) ** (step / 25)
        hb, hs = first(base[at]), first(source[at])
        mask = torch.sigmoid((torch.clamp(edge, 1e-3, 1) * 32 - torch.arange(32.0)) / heat)
        loss = F.cross_entropy(rest(hb + ((hs - hb) @ r * mask) @ r.T), label[at]) + 0.5 * torch.clamp(edge, 1e-3, 1).sum()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            along(r)
            optimizer.step()
            r.copy_(orthonormal(r))
    put("boundless/losses", losses), put("boundless/final", r), put("boundless/edge", edge)


# ------------------------------------------------------------------------------------------------- scores by gradients

class Branched:
    """GPT-2 written out, with a stream of its own for each lower end: head inputs q, k, v, MLPs, output."""

    def __init__(self, model):
        self.model, self.layers, self.heads = model, len(model.transformer.h), model.config.n_head

    def embed(self, ids):
        t = self.model.transformer
        return t.wte(ids), t.wpe(torch.arange(ids.shape[1]))[None]

    def run(self, x):
        """Returns logits, what each upper end adds (embed, per layer heads and MLP), and the branches."""
        n, d = self.heads, x.shape[-1]
        made, branches = [x], []
        for block in self.model.transformer.h:
            w, b = block.attn.c_attn.weight, block.attn.c_attn.bias
            w, b = w.reshape(d, 3, n, d // n), b.reshape(3, n, d // n)
            own = torch.zeros(3, n, *x.shape, requires_grad=True)
            branches.append(own)
            q, k, v = torch.einsum("lhbpd,dlhe->lbhpe", block.ln_1(x + own), w) + b[:, None, :, None]
            scores = q @ k.transpose(-1, -2) / (d // n) ** 0.5
            scores = scores.masked_fill(torch.triu(torch.ones_like(scores), 1).bool(), -torch.inf)
            z = torch.softmax(scores, -1) @ v
            each = torch.einsum("bhpe,hed->hbpd", z, block.attn.c_proj.weight.reshape(n, d // n, d))
            made.append(each)
            x = x + each.sum(0) + block.attn.c_proj.bias
            own = torch.zeros_like(x, requires_grad=True)
            branches.append(own)
            mlp = block.mlp(block.ln_2(x + own))
            made.append(mlp)
            x = x + mlp
        own = torch.zeros_like(x, requires_grad=True)
        branches.append(own)
        return self.model.lm_head(self.model.transformer.ln_f(x + own)), made, branches

    def gradients(self, x, metric):
        logits, _, branches = self.run(x)
        return torch.autograd.grad(metric(logits), branches)

    def edges(self, clean, corrupt, grads):
        """Scores by head: rows embed, a0.h0.., m0, ...; columns a0.h0<q>.., <k>, <v>, m0, ..., logits. 0 where there is none."""
        made = [[m] if m.dim() == 3 else list(m) for m in (b - a for a, b in zip(clean, corrupt))]
        ends = [[g] if g.dim() == 3 else list(g.flatten(0, 1)) for g in grads]
        flat = [(stage, each) for stage, all_ in enumerate(made) for each in all_]
        rows = []
        for stage, each in flat:  # stage 0 is the embedding; lower end i reads all upper ends up to stage i
            rows.append([(each * g).sum() if stage <= at else torch.tensor(0.0) for at, all_ in enumerate(ends) for g in all_])
        return torch.tensor(rows)


def fold(scores, layers, heads):
    """The same with whole attention layers as ends."""
    rows, at = [scores[0]], 1
    for _ in range(layers):
        rows += [scores[at:at + heads].sum(0), scores[at + heads]]
        at += heads + 1
    scores, columns, at = torch.stack(rows), [], 0
    for _ in range(layers):
        columns += [scores[:, at:at + 3 * heads].sum(1), scores[:, at + 3 * heads]]
        at += 3 * heads + 1
    return torch.stack(columns + [scores[:, at]], 1)


def scores(name, model, clean, corrupt, answers, foils):
    put(f"{name}/clean", clean), put(f"{name}/corrupt", corrupt), put(f"{name}/answers", answers), put(f"{name}/foils", foils)
    rows = torch.arange(len(clean))
    metric = lambda logits: (logits[rows, -1, answers] - logits[rows, -1, foils]).mean()  # noqa: E731
    written = Branched(model)
    whole = lambda ids: sum(written.embed(ids))  # noqa: E731
    a, made_a, _ = written.run(whole(clean))
    b, made_b, _ = written.run(whole(corrupt))
    assert torch.allclose(a, model(clean).logits, atol=2e-5), (a - model(clean).logits).abs().max()

    by_head = written.edges(made_a, made_b, written.gradients(whole(clean), metric))
    steps, total = 5, None
    for k in range(1, steps + 1):
        grads = written.gradients(whole(corrupt) + k / steps * (whole(clean) - whole(corrupt)), metric)
        total = grads if total is None else [x + y for x, y in zip(total, grads)]
    integrated = written.edges(made_a, made_b, [g / steps for g in total])
    for kind, found in (("eap", by_head), ("eap_ig", integrated)):
        put(f"{name}/{kind}_heads", found), put(f"{name}/{kind}", fold(found, written.layers, written.heads))

    # attribution patching: (clean - corrupt) * gradient of the corrupt run, by what clean gains
    gain = (metric(a) - metric(b)).item()
    kept = {}

    def keep(key):
        def hook(m, i, o=None):
            value = (o[0] if isinstance(o, tuple) else o) if o is not None else i[0]
            if value.requires_grad:
                value.retain_grad()
            kept.setdefault(key, []).append(value)
        return hook
    hooks = []
    for layer, block in enumerate(model.transformer.h):
        hooks += [block.register_forward_hook(keep(("resid_post", layer))),
                  block.attn.c_proj.register_forward_pre_hook(keep(("z", layer)))]
    embeds = model.transformer.wte(corrupt).requires_grad_()
    model(clean)
    metric(model(inputs_embeds=embeds).logits).backward()
    for hook in hooks:
        hook.remove()
    effect = {key: (c - x) * x.grad / gain for key, (c, x) in kept.items()}
    put(f"{name}/attribution_resid_post", torch.stack(
        [effect["resid_post", layer].sum((0, 2)) for layer in range(written.layers)]))
    put(f"{name}/attribution_heads", torch.stack(
        [effect["z", layer].unflatten(-1, (written.heads, -1)).sum((0, 1, 3)) for layer in range(written.layers)]))

    # of the clean run's token embeddings
    def embed_grad(x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(metric(model(inputs_embeds=x).logits), x)[0]
    x = model.transformer.wte(clean)
    g = embed_grad(x)
    put(f"{name}/saliency", g.norm(dim=-1)), put(f"{name}/gradient_times_input", (x * g).sum(-1))
    points, weights = np.polynomial.legendre.leggauss(16)
    total = sum(w / 2 * embed_grad(x * (p + 1) / 2) for p, w in zip(points, weights))
    put(f"{name}/integrated_gradients", (x * total).sum(-1))


optimisers()
model, tokenizer = names_model()
ids, others, givers, getters, classes = prompts(tokenizer, 5, 32)
put("ids", ids), put("givers", givers)
probe(model, ids, classes)
masks(model, ids)
autoencoder(model, ids)
loras(model, ids, givers)
alignment()
scores("names", model, ids[:3], others[:3], getters[:3], givers[:3])
pick = torch.Generator().manual_seed(7)
clean, corrupt = (torch.randint(1, 97, (2, 6), generator=pick) for _ in range(2))
scores("gpt2", PUBLIC["gpt2"].build().eval().requires_grad_(False), clean, corrupt, torch.tensor([5, 9]), torch.tensor([11, 40]))
save_file(tensors, out)
print(len(tensors), "tensors", sum(t.numel() * t.element_size() for t in tensors.values()), "bytes")
for key in ("probe", "mask", "hard_concrete", "sae", "loras", "das", "boundless"):
    print(key, tensors[key + "/losses"][[0, 1, -1]].tolist())
print(torch.sigmoid(tensors["mask/final_logits"]).round(decimals=2).tolist())
print(tensors["names/eap"].round(decimals=3), tensors["gpt2/eap_ig"].round(decimals=4))
