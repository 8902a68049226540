#!/usr/bin/env python3
"""W6, W12 and W13 beside plain PyTorch, in turns: python gradients.py --models DIR --classpath CP [--threads 1] [--rounds 7]

Two processes, each with its model open, do the same work one after the other, so that the machine is the same for both.
Numbers of both are those of reference.npz: PyTorch's are checked here, Sonde's by `sonde-bench --only W6,W12,W13 --check`.
"""
import argparse, os, statistics, subprocess, sys, time


def worker(models, threads, only):
    import numpy as np
    import torch
    import torch.nn.functional as F
    from transformers import GPT2LMHeadModel
    import json

    torch.set_num_threads(threads)
    m = GPT2LMHeadModel.from_pretrained(f"{models}/gpt2-small-random", attn_implementation="eager").eval()
    m.requires_grad_(False)
    i = json.load(open(f"{models}/inputs.json"))
    clean, corrupt, b8 = torch.tensor([i["clean"]]), torch.tensor([i["corrupt"]]), torch.tensor(i["batch_8x32"])
    a, b = i["answers"]
    ref = np.load(f"{models}/reference.npz")
    blocks = m.transformer.h

    def diff(logits):
        return (logits[:, -1, a] - logits[:, -1, b]).sum()

    def w6():
        acts, hooks = [], []
        hooks = [x.register_forward_hook(lambda mod, x, y: acts.append(y)) for x in blocks]
        with torch.no_grad():
            m(clean, use_cache=False, logits_to_keep=1)
        for h in hooks:
            h.remove()
        res = []

        def keep(mod, x, y):
            y.retain_grad()
            res.append(y)

        hooks = [x.register_forward_hook(keep) for x in blocks]
        hooks.append(m.transformer.drop.register_forward_hook(lambda mod, x, y: y.requires_grad_()))
        diff(m(corrupt, use_cache=False, logits_to_keep=1).logits).backward()
        for h in hooks:
            h.remove()
        return torch.stack([((acts[k] - r.detach()) * r.grad)[0].sum(-1) for k, r in enumerate(res)])

    def w12():
        e = m.transformer.wte(clean)
        x = (((torch.arange(16) + 0.5) / 16)[:, None, None] * e).requires_grad_()
        diff(m(inputs_embeds=x, use_cache=False, logits_to_keep=1).logits).backward()
        return (x.grad.mean(0) * e[0]).sum(-1)

    def w13():
        v = torch.zeros(768, requires_grad=True)
        opt = torch.optim.Adam([v], lr=i["train_lr"])
        h = blocks[i["steer_layer"]].register_forward_hook(lambda mod, x, y: y + v)
        out = []
        for _ in range(4):
            lo = m(b8, use_cache=False).logits
            loss = F.cross_entropy(lo[:, :-1].reshape(-1, lo.size(-1)), b8[:, 1:].reshape(-1))
            opt.zero_grad()
            loss.backward()
            opt.step()
            out.append(loss.item())
        h.remove()
        return torch.tensor(out)

    work = {"W6": (w6, 1), "W12": (w12, 1), "W13": (w13, 4)}
    for name in only.split(","):
        error = float(np.abs(work[name][0]().detach().numpy() - ref[name]).max())
        assert error < 1e-3, (name, error)
    for line in sys.stdin:
        if line.strip() == "peak":
            status = dict(l.split(":", 1) for l in open("/proc/self/status"))
            print("peak RSS MB", int(status["VmHWM"].split()[0]) // 1024, flush=True)
            continue
        f, pieces = work[line.strip()]
        start = time.perf_counter()
        f()
        print((time.perf_counter() - start) / pieces, flush=True)


class Worker:
    def __init__(self, command, env=None):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, what):
        self.p.stdin.write(what + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--models", required=True)
    ap.add_argument("--classpath")
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--only", default="W6,W12,W13")
    ap.add_argument("--worker", action="store_true")
    a = ap.parse_args()
    if a.worker:
        return worker(a.models, a.threads, a.only)
    torch = Worker([sys.executable, __file__, "--worker", "--models", a.models, "--threads", str(a.threads), "--only", a.only])
    java = ["java", "-Xmx1g", "dev.sonde.bench.Gradients", "--models", a.models, "--threads", str(a.threads)]
    sonde = Worker(java, {**os.environ, "CLASSPATH": a.classpath})
    for name in a.only.split(","):
        for each in (torch, sonde, sonde):
            each.ask(name)
        times = {"torch": [], "sonde": []}
        for k in range(a.rounds):
            order = [("torch", torch), ("sonde", sonde)]
            for who, each in order if k % 2 else order[::-1]:
                times[who].append(float(each.ask(name)))
        t, s = (statistics.median(times[who]) * 1e3 for who in ("torch", "sonde"))
        print(f"{name} threads {a.threads}: torch {t:.0f} ms, sonde {s:.0f} ms, ratio {s / t:.3f}", flush=True)
    print("torch", torch.ask("peak"), "sonde", sonde.ask("peak"))


main()
