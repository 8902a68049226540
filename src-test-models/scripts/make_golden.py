#!/usr/bin/env python3
"""Golden values with nnsight 0.8.1 (and raw torch hooks as a second witness).

    python make_golden.py smollm2        MODEL_DIR INPUTS.json OUT.json
    python make_golden.py minilm         MODEL_DIR INPUTS.json OUT.json
    python make_golden.py tiny-induction MODEL_DIR INPUTS.json OUT.json
    python make_golden.py tiny-names     MODEL_DIR INPUTS.json OUT.json

Definitions of every entry: ../REAL-MODELS.md.  Layers, heads and positions count from 0.
"""
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import torch
import torch.nn.functional as F
from nnsight import LanguageModel, NNsight

torch.manual_seed(0)
torch.set_grad_enabled(False)


def rnd(x):
    """6 significant digits, at most 6 decimals for |x| >= 1e-2."""
    if isinstance(x, torch.Tensor):
        return rnd(x.detach().tolist())
    if isinstance(x, (list, tuple)):
        return [rnd(v) for v in x]
    if isinstance(x, dict):
        return {k: rnd(v) for k, v in x.items()}
    if isinstance(x, float):
        return round(x, 6) if abs(x) >= 1e-2 else float(f"{x:.6g}")
    return x


def tensor_of(x):
    return x[0] if isinstance(x, tuple) else x


def summary(x):
    """x [1, T, D] -> numbers that pin it down without storing it."""
    last = x[0, -1]
    return {"shape": list(x.shape), "last_position_first8": last[:8], "last_position_norm": last.norm(),
            "norm_per_position": x[0].norm(dim=-1), "sum": x.double().sum().item()}


# --------------------------------------------------------------- decoders, common part
class Decoder:
    def __init__(self, hf, encode, decode, parts):
        self.hf, self.encode, self.decode = hf, encode, decode
        self.lm = LanguageModel(hf, tokenizer=parts.get("tokenizer"))
        c = hf.config
        self.nl, self.nh = c.num_hidden_layers, c.num_attention_heads
        self.hd = c.hidden_size // self.nh
        self.parts = parts
        lm = self.lm
        self.layers = parts["layers"](lm)
        self.zmod = [parts["z"](b) for b in self.layers]
        self.attn = [parts["attn"](b) for b in self.layers]
        self.final = parts["final"](lm)
        self.raw_layers = parts["layers"](hf)

    def logits(self, ids):
        lm = self.lm
        with lm.trace({"input_ids": ids}):
            out = lm.output.logits.save()
        return out

    def resid(self, ids):
        """resid_post of every layer, logits, and the input of layer 0."""
        lm, layers = self.lm, self.layers
        with lm.trace({"input_ids": ids}):
            hs = list().save()
            pre = layers[0].input.save()
            for b in layers:
                hs.append(tensor_of(b.output))
            lg = lm.output.logits.save()
        return pre, [h.clone() for h in hs], lg

    def patterns_and_z(self, ids):
        lm, zmod, attn = self.lm, self.zmod, self.attn
        with lm.trace({"input_ids": ids}):
            zs, ps = list().save(), list().save()
            for z, a in zip(zmod, attn):
                zs.append(z.input.clone())
                ps.append(a.output[1].clone())
            lg = lm.output.logits.save()
        return ps, zs, lg

    def patch_resid(self, ids, l, pos, value):
        lm, layers = self.lm, self.layers
        with lm.trace({"input_ids": ids}):
            h = tensor_of(layers[l].output)
            h[:, pos] = value
            lg = lm.output.logits.save()
        return lg

    def patch_z(self, ids, edits, pos=None):
        """edits: list of (layer, head, value or 0)"""
        lm, zmod, hd = self.lm, self.zmod, self.hd
        edits = sorted(edits, key=lambda e: e[0])
        with lm.trace({"input_ids": ids}):
            for l, h, v in edits:
                z = zmod[l].input
                if pos is None:
                    z[:, :, h * hd:(h + 1) * hd] = v
                else:
                    z[:, pos, h * hd:(h + 1) * hd] = v
            lg = lm.output.logits.save()
        return lg

    def add_resid(self, ids, l, vec):
        lm, layers = self.lm, self.layers
        with lm.trace({"input_ids": ids}):
            h = tensor_of(layers[l].output)
            h[:] = h + vec
            lg = lm.output.logits.save()
        return lg

    def raw_logits(self, ids, l=None, fn=None):
        """second witness: a plain torch forward hook on one block"""
        hs = []
        if l is not None:
            def hook(mod, inp, out):
                t = tensor_of(out).clone()
                fn(t)
                return (t,) + tuple(out[1:]) if isinstance(out, tuple) else t
            hs.append(self.raw_layers[l].register_forward_hook(hook))
        out = self.hf(input_ids=ids).logits
        for h in hs:
            h.remove()
        return out

    def top(self, lg, k=5):
        p = lg.softmax(-1)
        v, i = p.topk(k)
        return [{"id": int(a), "token": self.decode([int(a)]), "prob": float(b), "logit": float(lg[a])}
                for a, b in zip(i, v)]

    def generate(self, ids, n, edit=None):
        """edit(step, block outputs) through nnsight's iteration; greedy"""
        lm, layers = self.lm, self.layers
        kw = {"max_new_tokens": n, "do_sample": False}
        mask = torch.ones_like(ids)
        if edit is None:
            with lm.generate({"input_ids": ids, "attention_mask": mask}, **kw) as tr:
                out = tr.result.save()
            return out[0, ids.shape[1]:].tolist()
        l, vec, first = edit
        with lm.generate({"input_ids": ids, "attention_mask": mask}, **kw) as tr:
            toks = list().save()
            for step in tr.iter[:]:
                h = tensor_of(layers[l].output)
                if step >= first:
                    h[:] = h + vec
                toks.append(lm.output.logits[0, -1].argmax(-1).item())
        return list(toks)

    def raw_greedy(self, ids, n, edit=None):
        """no cache, whole prefix each time would edit old positions again; so: KV cache and hooks."""
        step = {"i": 0}
        hook = None
        if edit is not None:
            l, vec, first = edit

            def fn(mod, inp, out):
                t = tensor_of(out)
                if step["i"] < first:
                    return None
                t = t + vec
                return (t,) + tuple(out[1:]) if isinstance(out, tuple) else t
            hook = self.raw_layers[l].register_forward_hook(fn)
        past, cur, toks, gap = None, ids, [], 1e9
        for i in range(n):
            step["i"] = i
            o = self.hf(input_ids=cur, past_key_values=past, use_cache=True)
            past, lg = o.past_key_values, o.logits[0, -1]
            v = lg.topk(2).values
            gap = min(gap, float(v[0] - v[1]))
            cur = lg.argmax().view(1, 1)
            toks.append(int(cur))
            if toks[-1] == self.hf.config.eos_token_id:
                break
        if hook:
            hook.remove()
        return toks, gap


def ids_of(x):
    return torch.tensor([x] if isinstance(x[0], int) else x)


def pearson(a, b):
    a, b = a.flatten() - a.mean(), b.flatten() - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm()))


def scores(ps, ln, start):
    """[layers][heads]: previous token, induction (t -> t-ln+1), duplicate (t -> t-ln); copies of length ln from start"""
    out = {"previous_token": [], "induction": [], "duplicate_token": []}
    for a in ps:
        t = torch.arange(1, start + 2 * ln)
        out["previous_token"].append(a[:, :, t, t - 1].mean((0, 2)))
        t = torch.arange(start + ln, start + 2 * ln - 1)
        out["induction"].append(a[:, :, t, t - ln + 1].mean((0, 2)))
        out["duplicate_token"].append(a[:, :, t, t - ln].mean((0, 2)))
    return out


# ------------------------------------------------------------------------- SmolLM2
def smollm2(model_dir, cfg):
    from smollm2_to_onnx import load_hf
    hf, tok = load_hf(model_dir)
    enc = lambda s: tok.encode(s)
    dec = lambda i: tok.decode(i)
    d = Decoder(hf, enc, dec, {
        "tokenizer": tok, "layers": lambda m: m.model.layers, "z": lambda b: b.self_attn.o_proj,
        "attn": lambda b: b.self_attn, "final": lambda m: m.model.norm})
    one = lambda s: (lambda e: e[0] if len(e) == 1 else sys.exit(f"not one token: {s} {e}"))(enc(s))
    lens = lambda h: hf.lm_head(hf.model.norm(h))
    res, lm = {}, d.lm
    t0 = time.time()

    res["next_tokens"] = []
    for p in cfg["next_tokens"]:
        ids = ids_of(enc(p))
        lg = d.logits(ids)[0, -1]
        res["next_tokens"].append({"prompt": p, "input_ids": ids[0].tolist(), "top5": d.top(lg),
                                   "logsumexp": float(lg.logsumexp(-1)),
                                   "raw_torch_max_abs_diff": float((d.raw_logits(ids)[0, -1] - lg).abs().max())})
        print(p, [(t["token"], round(t["prob"], 3)) for t in res["next_tokens"][-1]["top5"][:3]])

    res["reading"] = []
    for e in cfg["reading"]:
        ids, l = ids_of(enc(e["prompt"])), e["layer"]
        b = lm.model.layers[l]
        with lm.trace({"input_ids": ids}):
            pre = b.input.clone().save()
            q = b.self_attn.q_proj.output.clone().save()
            k = b.self_attn.k_proj.output.clone().save()
            v = b.self_attn.v_proj.output.clone().save()
            z = b.self_attn.o_proj.input.clone().save()
            ao = b.self_attn.output[0].clone().save()
            pat = b.self_attn.output[1].clone().save()
            mid = b.post_attention_layernorm.input.clone().save()
            act = b.mlp.down_proj.input.clone().save()
            mo = b.mlp.output.clone().save()
            post = tensor_of(b.output).clone().save()
            nrm = lm.model.norm.output.clone().save()
        named = dict(resid_pre=pre, q_proj_out=q, k_proj_out=k, v_proj_out=v, z=z, attn_out=ao, resid_mid=mid,
                     mlp_act=act, mlp_out=mo, resid_post=post, final_norm_out=nrm)
        res["reading"].append({"prompt": e["prompt"], "input_ids": ids[0].tolist(), "layer": l,
                               "sites": {n: summary(x) for n, x in named.items()},
                               "attention_pattern_last_row_per_head": pat[0, :, -1, :]})

    res["logit_lens"] = []
    for e in cfg["logit_lens"]:
        ids, a = ids_of(enc(e["prompt"])), one(e["answer"])
        _, hs, lg = d.resid(ids)
        rows = []
        for h in hs:
            x = lens(h)[0, -1]
            p = x.softmax(-1)
            i = int(p.argmax())
            rows.append({"id": i, "token": dec([i]), "prob": float(p[i]), "answer_prob": float(p[a]),
                         "answer_rank": int((x > x[a]).sum())})
        res["logit_lens"].append({"prompt": e["prompt"], "input_ids": ids[0].tolist(), "answer_id": a, "layers": rows})
        print("lens", e["prompt"], [r["token"] for r in rows[-10:]])

    res["activation_patching"], res["attribution_patching"] = [], []
    for e in cfg["patching"]:
        ci, xi = ids_of(enc(e["clean"])), ids_of(enc(e["corrupt"]))
        assert ci.shape == xi.shape, (ci, xi)
        a, b = one(e["clean_answer"]), one(e["corrupt_answer"])
        met = lambda lg: float(lg[0, -1, a] - lg[0, -1, b])
        _, ch, cl = d.resid(ci)
        _, xh, xl = d.resid(xi)
        mc, mx = met(cl), met(xl)
        raw = torch.zeros(d.nl, ci.shape[1])
        for l in range(d.nl):
            for p in range(ci.shape[1]):
                raw[l, p] = met(d.patch_resid(xi, l, p, ch[l][:, p]))
        norm = (raw - mx) / (mc - mx)
        worst = 0.0
        for l in (0, d.nl // 2, d.nl - 2):
            for p in range(ci.shape[1]):
                def put(t, l=l, p=p):
                    t[:, p] = ch[l][:, p]
                worst = max(worst, abs(met(d.raw_logits(xi, l, put)) - float(raw[l, p])))
        common = {"clean": e["clean"], "corrupt": e["corrupt"], "clean_ids": ci[0].tolist(),
                  "corrupt_ids": xi[0].tolist(), "clean_answer_id": a, "corrupt_answer_id": b,
                  "metric_clean": mc, "metric_corrupt": mx}
        res["activation_patching"].append({**common, "site": "resid_post", "normalised": norm,
                                           "raw_hooks_max_abs_diff_of_metric": worst})
        print("patch", e["clean"], mc, mx, "raw diff", worst, round(time.time() - t0))
        # attribution patching: gradient of the metric in the corrupt run, times (clean - corrupt)
        layers = d.layers
        with torch.enable_grad():
            with lm.trace({"input_ids": xi}):
                first = layers[0].input
                first.requires_grad_(True)
                hs = [tensor_of(x.output) for x in layers]
                m = lm.output.logits[0, -1, a] - lm.output.logits[0, -1, b]
                grads = list().save()
                with m.backward():
                    for h in reversed(hs):
                        grads.append(h.grad.clone())
        grads = list(reversed(grads))
        attr = torch.stack([((c - x) * g)[0].sum(-1) for c, x, g in zip(ch, xh, grads)]) / (mc - mx)
        # second witness for the gradient
        with torch.enable_grad():
            keep = []
            def hook(mod, inp, out):
                t = tensor_of(out)
                if not t.requires_grad:
                    t.requires_grad_(True)
                t.retain_grad()
                keep.append(t)
            hk = [x.register_forward_hook(hook) for x in d.raw_layers]
            o = hf(input_ids=xi).logits
            (o[0, -1, a] - o[0, -1, b]).backward()
            for h in hk:
                h.remove()
        gd = max(float((g - k.grad).abs().max() / k.grad.abs().max()) for g, k in zip(grads, keep))
        mask = torch.ones_like(attr, dtype=torch.bool)
        res["attribution_patching"].append({
            **common, "site": "resid_post", "normalised": attr, "pearson_with_activation_patching": pearson(attr, norm),
            "pearson_layers_below_20": pearson(attr[:20], norm[:20]), "gradient_norms": torch.stack([g[0].norm(dim=-1) for g in grads]),
            "raw_autograd_max_rel_diff": gd})
        print("attribution", pearson(attr, norm), gd)

    res["head_ablation"] = []
    for e in cfg["head_ablation"]:
        ids, a, b = ids_of(enc(e["prompt"])), one(e["answer"]), one(e["foil"])
        _, _, lg = d.patterns_and_z(ids)
        f = lambda lg: (float(lg[0, -1].log_softmax(-1)[a]), float(lg[0, -1, a] - lg[0, -1, b]))
        base = f(lg)
        lp, ld = [], []
        for l in range(d.nl):
            r = [f(d.patch_z(ids, [(l, h, 0.0)])) for h in range(d.nh)]
            lp.append([x[0] for x in r])
            ld.append([x[1] for x in r])
        res["head_ablation"].append({"prompt": e["prompt"], "input_ids": ids[0].tolist(), "answer_id": a, "foil_id": b,
                                     "kind": "zero, all positions, input of o_proj", "base_log_prob": base[0],
                                     "base_logit_diff": base[1], "log_prob": lp, "logit_diff": ld})
        print("ablation", e["prompt"], base, round(time.time() - t0))

    res["direct_logit_attribution"] = []
    for e in cfg["dla"]:
        ids, a, b = ids_of(enc(e["prompt"])), one(e["answer"]), one(e["foil"])
        layers = d.layers
        with lm.trace({"input_ids": ids}):
            emb = layers[0].input[0, -1].clone().save()
            ao, mo = list().save(), list().save()
            for x in layers:
                ao.append(x.self_attn.output[0][0, -1].clone())
                mo.append(x.mlp.output[0, -1].clone())
            fin = tensor_of(layers[-1].output)[0, -1].clone().save()
            lg = lm.output.logits[0, -1].clone().save()
        scale = torch.rsqrt(fin.pow(2).mean() + hf.config.rms_norm_eps)
        dirn = (hf.lm_head.weight[a] - hf.lm_head.weight[b]) * hf.model.norm.weight * scale
        r = {"embed": float(emb @ dirn), "attn_out": [float(x @ dirn) for x in ao], "mlp_out": [float(x @ dirn) for x in mo]}
        tot = r["embed"] + sum(r["attn_out"]) + sum(r["mlp_out"])
        res["direct_logit_attribution"].append({"prompt": e["prompt"], "input_ids": ids[0].tolist(), "answer_id": a, "foil_id": b,
                                                **r, "total": tot, "logit_diff": float(lg[a] - lg[b])})
        print("dla", tot, float(lg[a] - lg[b]))

    res["steering"], vecs = [], {}
    for e in cfg["steering"]:
        l = e["layer"]
        mean = lambda ps: torch.stack([d.resid(ids_of(enc(p)))[1][l][0, -1] for p in ps]).mean(0)
        v = mean(e["positive"]) - mean(e["negative"])
        vecs[e["name"]] = (l, v)
        ids = ids_of(enc(e["prompt"]))
        tg = [one(t) for t in e["targets"]]
        rows, worst = [], 0.0
        for c in e["coefficients"]:
            lp = d.add_resid(ids, l, c * v)[0, -1].log_softmax(-1)
            def put(t, c=c):
                t += c * v
            rp = d.raw_logits(ids, l, put)[0, -1].log_softmax(-1)
            worst = max(worst, float((rp - lp)[tg].abs().max()))
            rows.append([float(lp[t]) for t in tg])
        res["steering"].append({"name": e["name"], "layer": l, "positive": e["positive"], "negative": e["negative"],
                                "positive_ids": [enc(p) for p in e["positive"]], "negative_ids": [enc(p) for p in e["negative"]],
                                "vector_norm": float(v.norm()), "vector_first8": v[:8], "prompt": e["prompt"],
                                "input_ids": ids[0].tolist(), "targets": e["targets"], "target_ids": tg,
                                "coefficients": e["coefficients"], "log_prob": rows, "raw_hooks_max_abs_diff": worst})
        print("steer", e["name"], float(v.norm()), rows[0], rows[-1], worst)

    res["repeated_tokens"] = []
    for e in cfg["repeated_tokens"]:
        g = torch.Generator().manual_seed(e["seed"])
        s = torch.randint(1000, 30000, (e["rows"], e["length"]), generator=g)
        x = torch.cat([torch.zeros(e["rows"], 1, dtype=torch.long), s, s], 1)
        ps, _, lg = d.patterns_and_z(x)
        sc = scores(ps, e["length"], 1)
        lp = lg.log_softmax(-1)[:, :-1].gather(-1, x[:, 1:, None])[..., 0]
        ind = torch.stack(sc["induction"])
        best = sorted(((float(ind[l, h]), l, h) for l in range(d.nl) for h in range(d.nh)), reverse=True)[:8]
        # keep only the strongest heads ablated: the loss on the second copy must rise
        abl = d.patch_z(x, [(l, h, 0.0) for _, l, h in best[:4]]).log_softmax(-1)[:, :-1].gather(-1, x[:, 1:, None])[..., 0]
        n = e["length"]
        res["repeated_tokens"].append({
            "input_ids": x.tolist(), "segment_length": n, "induction_score": sc["induction"],
            "previous_token_score": sc["previous_token"], "duplicate_token_score": sc["duplicate_token"],
            "top_induction_heads": [{"layer": l, "head": h, "score": v} for v, l, h in best],
            "loss_first_copy": float(-lp[:, :n].mean()), "loss_second_copy": float(-lp[:, n:].mean()),
            "loss_second_copy_top4_ablated": float(-abl[:, n:].mean())})
        print("induction", [(l, h, round(v, 3)) for v, l, h in best[:4]], float(-lp[:, :n].mean()), float(-lp[:, n:].mean()),
              float(-abl[:, n:].mean()))

    res["generation"] = []
    for e in cfg["generation"]:
        ids = ids_of(enc(e["prompt"]))
        edit = None
        if "steer" in e:
            l, v = vecs[e["steer"]]
            edit = (l, e["coefficient"] * v, e.get("from_step", 0))
        a = d.generate(ids, e["tokens"], edit)
        b, gap = d.raw_greedy(ids, e["tokens"], edit)
        assert a == b, (a, b)
        res["generation"].append({**e, "input_ids": ids[0].tolist(), "output_ids": a, "text": dec(a), "min_top1_top2_logit_gap": gap,
                                  "raw_hooks_equal": a == b})
        print("gen", repr(dec(a)), gap)

    res["batch"] = []
    for e in cfg["batch"]:       # rows of different length, one edit in one row only; multi-invoke
        A, B = enc(e["prompts"][0]), enc(e["prompts"][1])
        l, v = vecs[e["steer"]]
        single0 = d.logits(ids_of(A))[0, -1]
        single1 = d.add_resid(ids_of(B), l, e["coefficient"] * v)[0, -1]
        with lm.trace() as tr:
            with tr.invoke(e["prompts"][0]):
                r0 = lm.output.logits[0, -1].clone().save()
            with tr.invoke(e["prompts"][1]):
                h = tensor_of(lm.model.layers[l].output)
                h[:] = h + e["coefficient"] * v
                r1 = lm.output.logits[0, -1].clone().save()
        res["batch"].append({"input_ids": [A, B], "steer_row": 1, "steer": e["steer"], "coefficient": e["coefficient"],
                             "row0_top5": d.top(single0), "row1_top5": d.top(single1),
                             "nnsight_batched_vs_single_max_abs_diff": [float((r0 - single0).abs().max()), float((r1 - single1).abs().max())]})
        print("batch", res["batch"][-1]["nnsight_batched_vs_single_max_abs_diff"])
    print("seconds", round(time.time() - t0))
    return res


# -------------------------------------------------------------------------- MiniLM
def minilm(model_dir, cfg):
    from minilm_from_onnx import load_hf
    hf, tok = load_hf(model_dir)
    nn = NNsight(hf)
    nl, nh, hd = 6, 12, 32
    enc = lambda s: tok.encode(s).ids
    pool = lambda h: F.normalize(h[0].mean(0), dim=0)
    res = {}

    def run(ids, edits=(), patch=None):
        with nn.trace(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids)):
            hs, ps = list().save(), list().save()
            emb = nn.embeddings.output.clone().save()
            for l in range(nl):
                b = nn.encoder.layer[l]
                ps.append(b.attention.self.output[1].clone())
                z = b.attention.E_output.dense.input   # the sub-module "output" is mounted as E_output
                for el, eh in edits:
                    if el == l:
                        z[:, :, eh * hd:(eh + 1) * hd] = 0.0
                o = tensor_of(b.output)
                if patch is not None and patch[0] == l:
                    o[:, patch[1]] = patch[2]
                hs.append(o.clone())
            last = nn.output.last_hidden_state.clone().save()
        return emb, hs, ps, last

    res["reading"] = []
    for s in cfg["reading"]:
        ids = ids_of(enc(s))
        emb, hs, ps, last = run(ids)
        raw = hf(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        res["reading"].append({"text": s, "input_ids": ids[0].tolist(), "embeddings_out": summary(emb),
                               "layers": [{"cls_first6": h[0, 0, :6], "norm_per_position": h[0].norm(dim=-1)} for h in hs],
                               "sentence_embedding_first8": pool(last)[:8], "raw_torch_max_abs_diff": float((raw - last).abs().max())})
    res["attention"] = []
    for e in cfg["attention"]:
        ids = ids_of(enc(e["text"]))
        ps = run(ids)[2]
        res["attention"].append({"text": e["text"], "input_ids": ids[0].tolist(), "layer": e["layer"], "head": e["head"],
                                 "pattern": ps[e["layer"]][0, e["head"]],
                                 "entropy_per_layer_head": [[float(-(p * p.clamp_min(1e-30).log()).sum(-1).mean()) for p in a[0]] for a in ps]})
    res["pairs"] = []
    for e in cfg["pairs"]:
        A, B = ids_of(enc(e[0])), ids_of(enc(e[1]))
        vb = pool(run(B)[3])
        base = float(pool(run(A)[3]) @ vb)
        m = [[float(pool(run(A, [(l, h)])[3]) @ vb) for h in range(nh)] for l in range(nl)]
        layer = [float(pool(run(A, [(l, h) for h in range(nh)])[3]) @ vb) for l in range(nl)]
        res["pairs"].append({"a": e[0], "b": e[1], "a_ids": A[0].tolist(), "b_ids": B[0].tolist(), "cosine": base,
                             "cosine_with_head_of_a_zeroed": m, "cosine_with_all_heads_of_layer_zeroed": layer})
        print(e, base)
    res["patching"] = []
    for e in cfg["patching"]:
        A, B = ids_of(enc(e[0])), ids_of(enc(e[1]))
        assert A.shape == B.shape, (A.shape, B.shape)
        _, ha, _, la = run(A)
        _, _, _, lb = run(B)
        va = pool(la)
        m = [[float(pool(run(B, patch=(l, p, ha[l][:, p]))[3]) @ va) for p in range(A.shape[1])] for l in range(nl)]
        res["patching"].append({"a": e[0], "b": e[1], "a_ids": A[0].tolist(), "b_ids": B[0].tolist(),
                                "cosine_unpatched": float(pool(lb) @ va), "cosine_patched": m})
        print("patch", float(pool(lb) @ va))
    res["gradient"] = []
    for e in cfg["gradient"]:
        A, B = ids_of(enc(e[0])), ids_of(enc(e[1]))
        vb = pool(run(B)[3])
        with torch.enable_grad():
            with nn.trace(input_ids=A, attention_mask=torch.ones_like(A), token_type_ids=torch.zeros_like(A)):
                x = nn.embeddings.output
                x.requires_grad_(True)
                c = pool(nn.output.last_hidden_state) @ vb
                with c.backward():
                    g = x.grad.clone().save()
        emb = run(A)[0]
        res["gradient"].append({"a": e[0], "b": e[1], "a_ids": A[0].tolist(), "b_ids": B[0].tolist(),
                                "gradient_norm_per_position": g[0].norm(dim=-1), "gradient_cls_first6": g[0, 0, :6],
                                "gradient_times_input_per_position": (g * emb)[0].sum(-1)})
    return res


# -------------------------------------------------------------------- tiny decoders
def load_tiny(model_dir):
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
    c = GPT2Config.from_json_file(os.path.join(model_dir, "config.json"))
    c._attn_implementation = "eager"
    m = GPT2LMHeadModel(c)
    sd = load_file(os.path.join(model_dir, "model.safetensors"))
    sd["lm_head.weight"] = sd["transformer.wte.weight"]
    m.load_state_dict(sd, strict=True)
    m.requires_grad_(False)
    tok = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_file(os.path.join(model_dir, "tokenizer.json")),
                                  bos_token="<bos>", pad_token="<pad>", unk_token="<unk>")
    d = Decoder(m.eval(), lambda s: tok.encode(s), lambda i: tok.decode(i), {
        "tokenizer": tok, "layers": lambda x: x.transformer.h, "z": lambda b: b.attn.c_proj, "attn": lambda b: b.attn,
        "final": lambda x: x.transformer.ln_f})
    return m, tok, d


def path_patch(d, hf, clean, corrupt, metric):
    """Direct-path patching.  For a sender head s and a receiver (layer r > layer of s):
       residual into layer r  =  clean residual + (corrupt z_s - clean z_s) W_O[s]
       (everything between is frozen at its clean value), LayerNorm recomputed, then only the q, k or v of
       one receiver head (or, for 'logits', the final LayerNorm + unembedding) sees the change.
       Value: (metric - clean) / (corrupt - clean): 0 no effect, 1 as bad as the corrupt run."""
    nl, nh, hd, lm = d.nl, d.nh, d.hd, d.lm
    w = nh * hd
    _, zc, lc = d.patterns_and_z(clean)
    _, zx, lx = d.patterns_and_z(corrupt)
    pre, hc, _ = d.resid(clean)
    res_in = [pre] + hc
    mc, mx = metric(lc), metric(lx)
    norm = lambda v: (v - mc) / (mx - mc)
    out = {"metric_clean": mc, "metric_corrupt": mx, "to_logits": [], "to_heads": []}
    for ls in range(nl):
        row = []
        for hs in list(range(nh)) + [None]:          # None: all heads of the layer send together
            sl = slice(0, w) if hs is None else slice(hs * hd, (hs + 1) * hd)
            delta = (zx[ls] - zc[ls])[..., sl] @ hf.transformer.h[ls].attn.c_proj.weight[sl]
            lg = hf.lm_head(hf.transformer.ln_f(res_in[nl] + delta))
            row.append(norm(metric(lg)))
            for r in range(ls + 1, nl):
                blk = hf.transformer.h[r]
                qkv = blk.attn.c_attn(blk.ln_1(res_in[r] + delta))
                for k, what in enumerate("qkv"):
                    eff = []
                    for hr in list(range(nh)) + [None]:      # None: all heads receive
                        s2 = slice(k * w, (k + 1) * w) if hr is None else slice(k * w + hr * hd, k * w + (hr + 1) * hd)
                        new = qkv[..., s2]
                        with lm.trace({"input_ids": clean}):
                            o = lm.transformer.h[r].attn.c_attn.output
                            o[:, :, s2] = new
                            lg = lm.output.logits.save()
                        eff.append(norm(metric(lg)))
                    out["to_heads"].append({"sender_layer": ls, "sender_head": "all" if hs is None else hs, "receiver_layer": r, "input": what,
                                            "effect_per_receiver_head_then_all": eff})
        out["to_logits"].append(row)
    return out


def show(pp):
    for t in pp["to_heads"]:
        e = t["effect_per_receiver_head_then_all"]
        if max(map(abs, e)) > 0.05:
            print(t["sender_layer"], t["sender_head"], "->", t["receiver_layer"], t["input"], [round(q, 3) for q in e])


def tiny_induction(model_dir, cfg):
    hf, tok, d = load_tiny(model_dir)
    res = {"repeated_tokens": [], "path_patching": [], "generation": []}
    for e in cfg["repeated_tokens"]:
        g = torch.Generator().manual_seed(e["seed"])
        n, v = e["length"], hf.config.vocab_size
        s = torch.stack([torch.randperm(v - 3, generator=g)[:n] + 3 for _ in range(e["rows"])])
        x = torch.cat([torch.ones(e["rows"], 1, dtype=torch.long), s, s], 1)
        # corrupt: another first copy, nothing repeats
        s2 = torch.stack([torch.randperm(v - 3, generator=g)[:n] + 3 for _ in range(e["rows"])])
        bad = torch.cat([x[:, :1], s2, s], 1)
        lpf = lambda lg: lg.log_softmax(-1)[:, :-1].gather(-1, x[:, 1:, None])[..., 0]
        second = lambda lg: float(-lpf(lg)[:, n + 1:].mean())
        ps, zs, lg = d.patterns_and_z(x)
        sc = scores(ps, n, 1)
        zero = [[second(d.patch_z(x, [(l, h, 0.0)])) for h in range(d.nh)] for l in range(d.nl)]
        sl = lambda h: slice(h * d.hd, (h + 1) * d.hd)
        mean = [[second(d.patch_z(x, [(l, h, zs[l][..., sl(h)].mean((0, 1)))])) for h in range(d.nh)] for l in range(d.nl)]
        pair = None
        ind = torch.stack(sc["induction"])
        prev = torch.stack(sc["previous_token"])
        res["repeated_tokens"].append({
            "input_ids": x.tolist(), "corrupt_ids": bad.tolist(), "segment_length": n,
            "loss_first_copy": float(-lpf(lg)[:, :n].mean()), "loss_second_copy": second(lg),
            "previous_token_score": sc["previous_token"], "induction_score": sc["induction"],
            "duplicate_token_score": sc["duplicate_token"], "loss_second_copy_head_zeroed": zero,
            "loss_second_copy_head_mean_ablated": mean,
            "resid_post": [summary(h[:1]) for h in d.resid(x)[1]], "first_row_top5_at_last_but_one": d.top(lg[0, -2])})
        res["path_patching"].append({"clean_ids": x.tolist(), "corrupt_ids": bad.tolist(),
                                     "metric": "mean log-probability of words 2..L of the second copy",
                                     **path_patch(d, hf, x, bad, lambda lg: -second(lg))})
        print("tiny induction", second(lg), rnd(prev), rnd(ind), "zero", rnd(zero))
        pp = res["path_patching"][-1]
        print(pp["metric_clean"], pp["metric_corrupt"], rnd(pp["to_logits"]))
        show(pp)
    for e in cfg["generation"]:
        ids = ids_of(tok.encode(e["prompt"]))
        a = d.generate(ids, e["tokens"])
        b, gap = d.raw_greedy(ids, e["tokens"])
        assert a == b
        res["generation"].append({**e, "input_ids": ids[0].tolist(), "output_ids": a, "text": tok.decode(a), "min_top1_top2_logit_gap": gap})
        print(e["prompt"], "->", tok.decode(a), gap)
    return res


def tiny_names(model_dir, cfg):
    hf, tok, d = load_tiny(model_dir)
    enc = lambda s: tok.encode(s)
    res = {"next_tokens": [], "batches": []}
    for p in cfg["next_tokens"]:
        ids = ids_of(enc(p))
        res["next_tokens"].append({"prompt": p, "input_ids": ids[0].tolist(), "top5": d.top(d.logits(ids)[0, -1])})
    for e in cfg["batches"]:
        rows = e["rows"]            # [A, B, place, object, owner]; the giver is A in the clean text, B in the corrupt one
        text = lambda r, s: e["template"].format(A=r[0], B=r[1], P=r[2], O=r[3], C=r[4] if len(r) > 4 else "", S=s)
        clean = torch.tensor([enc(text(r, r[0])) for r in rows])
        bad = torch.tensor([enc(text(r, r[1])) for r in rows])
        words = tok.convert_ids_to_tokens(clean[0].tolist())
        io = torch.tensor([tok.convert_tokens_to_ids(r[1]) for r in rows])
        su = torch.tensor([tok.convert_tokens_to_ids(r[0]) for r in rows])
        i = torch.arange(len(rows))
        metric = lambda lg: float((lg[i, -1, io] - lg[i, -1, su]).mean())
        ps, zc, lc = d.patterns_and_z(clean)
        _, zx, lx = d.patterns_and_z(bad)
        pre, hc, _ = d.resid(clean)
        mc, mx = metric(lc), metric(lx)
        norm = lambda v: (v - mx) / (mc - mx)
        sl = lambda h: slice(h * d.hd, (h + 1) * d.hd)
        T = clean.shape[1]
        resid = [[norm(metric(d.patch_resid(bad, l, p, hc[l][:, p]))) for p in range(T)] for l in range(d.nl)]
        lm, emb = d.lm, []
        for p in range(T):          # the input of layer 0 (token + position embedding)
            with lm.trace({"input_ids": bad}):
                x = lm.transformer.h[0].input
                x[:, p] = pre[:, p]
                lg = lm.output.logits.save()
            emb.append(norm(metric(lg)))
        headp = [[norm(metric(d.patch_z(bad, [(l, h, zc[l][..., sl(h)])]))) for h in range(d.nh)] for l in range(d.nl)]
        headpos = [[[norm(metric(d.patch_z(bad, [(l, h, zc[l][:, p, sl(h)])], pos=p))) for p in range(T)]
                    for h in range(d.nh)] for l in range(d.nl)]
        zero = [[metric(d.patch_z(clean, [(l, h, 0.0)])) for h in range(d.nh)] for l in range(d.nl)]
        mean = [[metric(d.patch_z(clean, [(l, h, zc[l][..., sl(h)].mean(0, keepdim=True))])) for h in range(d.nh)] for l in range(d.nl)]
        pA, pB = words.index(rows[0][0]), words.index(rows[0][1])
        pS = next(j for j, q in enumerate(words) if q in ("gave", "handed")) - 1
        att = {"end_to_io": [p[:, :, -1, pB].mean(0) for p in ps], "end_to_s1": [p[:, :, -1, pA].mean(0) for p in ps],
               "end_to_s2": [p[:, :, -1, pS].mean(0) for p in ps], "s2_to_s1": [p[:, :, pS, pA].mean(0) for p in ps]}
        # direct logit attribution with the final LayerNorm's scale frozen, mean over rows, last position
        lm = d.lm
        with lm.trace({"input_ids": clean}):
            x0 = lm.transformer.h[0].input[:, -1].clone().save()
            zs, mo = list().save(), list().save()
            for b in lm.transformer.h:
                zs.append(b.attn.c_proj.input[:, -1].clone())
                mo.append(b.mlp.output[:, -1].clone())
            fin = tensor_of(lm.transformer.h[-1].output)[:, -1].clone().save()
        ln = hf.transformer.ln_f
        sd = (fin.var(-1, unbiased=False, keepdim=True) + ln.eps).sqrt()
        u = hf.lm_head.weight[io] - hf.lm_head.weight[su]
        cont = lambda x: float((((x - x.mean(-1, keepdim=True)) / sd * ln.weight) * u).sum(-1).mean())
        dla = {"embed": cont(x0), "heads": [[cont(zs[l][:, sl(h)] @ hf.transformer.h[l].attn.c_proj.weight[sl(h)]) for h in range(d.nh)] for l in range(d.nl)],
               "attn_bias": [cont(hf.transformer.h[l].attn.c_proj.bias.expand_as(x0)) for l in range(d.nl)],
               "mlp": [cont(x) for x in mo], "ln_f_bias": float((ln.bias * u).sum(-1).mean())}
        dla["total"] = dla["embed"] + sum(map(sum, dla["heads"])) + sum(dla["attn_bias"]) + sum(dla["mlp"]) + dla["ln_f_bias"]
        pp = path_patch(d, hf, clean, bad, metric)
        res["batches"].append({"template": e["template"], "rows": rows, "clean_ids": clean.tolist(), "corrupt_ids": bad.tolist(),
                               "words_of_first_row": words, "io_ids": io.tolist(), "subject_ids": su.tolist(),
                               "positions": {"s1": pA, "io": pB, "s2": pS, "end": T - 1}, "logit_diff_clean": mc, "logit_diff_corrupt": mx,
                               "embedding_patching": emb, "resid_post_patching": resid, "head_patching": headp, "head_patching_by_position": headpos,
                               "logit_diff_head_zeroed": zero, "logit_diff_head_mean_ablated": mean, "attention": att,
                               "direct_logit_attribution": dla, "path_patching": pp})
        print("names", mc, mx, "zero", rnd(zero))
        print("headpatch", rnd(headp))
        print("att", {k: rnd(torch.stack(v)) for k, v in att.items()})
        print("dla", rnd(dla))
        print("to_logits", rnd(pp["to_logits"]))
        print("emb", [(w, round(q, 2)) for w, q in zip(words, emb) if abs(q) > 0.05])
        for l, r in enumerate(resid):
            print("resid", l, [(w, round(q, 2)) for w, q in zip(words, r) if abs(q) > 0.05])
        show(pp)
    return res


def main():
    kind, model_dir, inputs, out = sys.argv[1:5]
    torch.set_num_threads(2 if kind == "smollm2" else 1)
    with open(inputs) as f:
        cfg = json.load(f)
    fn = {"smollm2": smollm2, "minilm": minilm, "tiny-induction": tiny_induction, "tiny-names": tiny_names}[kind]
    res = {"model": kind, "made_with": "nnsight 0.8.1, torch 2.15.0 (CPU, fp32), transformers 5.23.0, eager attention"}
    res.update(rnd(fn(model_dir, cfg)))
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    text = json.dumps(res, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('],"', '],\n"').replace('},{"', '},\n{"')
    with open(out, "w", encoding="utf-8") as f:
        f.write(text + "\n")
    print(out, os.path.getsize(out))


if __name__ == "__main__":
    main()
