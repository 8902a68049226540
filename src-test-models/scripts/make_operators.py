#!/usr/bin/env python3
"""Writes operators/reference.safetensors: inputs `in/NAME` and, for each case of OperatorsTest, what numpy and torch say (`out/CASE`).

    python make_operators.py OUT_FOLDER        (torch 2.15, numpy, safetensors)
"""
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20261125)
f = torch.randn(2, 3, 4)                       # batch, position, d_model
g = torch.randn(2, 3, 4)
h = torch.rand(2, 3, 4) + 0.25                 # positive
row = torch.randn(4)
col = torch.randn(3, 1)
w = torch.randn(4, 5)
b = torch.randn(2, 4, 5)
v = torch.randn(4)
one = torch.tensor(0.75)
i = torch.tensor([[3, -2, 0], [7, 5, -9]])
j = torch.tensor([[2, -2, 4], [-3, 5, 1]])
p = torch.tensor([[True, False, True], [False, False, True]])
q = torch.tensor([[True, True, False], [False, True, True]])
t = torch.tensor([[0, 3, 1], [2, 2, 0]])       # classes of the last axis
pick = torch.tensor([2, 0, 2, 1])
along = torch.tensor([[[0, 2], [1, 1], [3, 0]], [[2, 2], [0, 3], [1, 0]]])   # 2, 3, 2 along the last axis
updates = torch.randn(2, 3, 2)
distinct = torch.tensor([[[0, 2], [1, 3], [3, 0]], [[2, 1], [0, 3], [1, 0]]])
odd = torch.tensor([1.5, float("nan"), float("inf"), -float("inf"), -0.5, 2.5])
square = torch.randn(3, 3)

c = {}
c["plus"] = f + g
c["plus row"] = f + row
c["plus column"] = f + col
c["plus number"] = f + 1.5
c["plus scalar"] = f + one
c["minus"] = f - g
c["minus number"] = f - 0.25
c["times"] = f * g
c["times number"] = f * -3
c["over"] = f / h
c["over number"] = f / 4
c["pow"] = h ** 2.5
c["pow of negative"] = f ** 3
c["max"] = torch.maximum(f, row)
c["min"] = torch.minimum(f, g)
c["negate"] = -f
c["abs"] = f.abs()
c["exp"] = f.exp()
c["log"] = h.log()
c["sqrt"] = h.sqrt()
c["reciprocal"] = h.reciprocal()
c["relu"] = f.relu()
c["sigmoid"] = f.sigmoid()
c["tanh"] = f.tanh()
c["sin"] = f.sin()
c["cos"] = f.cos()
c["erf"] = f.erf()
c["floor"] = (f * 2).floor()
c["ceil"] = (f * 2).ceil()
c["round"] = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 0.49]).round()
c["sign"] = f.sign()
c["gelu"] = F.gelu(f)
c["silu"] = F.silu(f)
c["is nan"] = odd.isnan()
c["is infinite"] = odd.isinf()
c["greater"] = f > g
c["greater number"] = f > 0.1
c["less"] = f < row
c["less number"] = f < 0.1
c["equal int"] = i == j
c["equal number"] = i == 5
c["at least"] = i >= j
c["at most"] = i <= j
c["at least float"] = f >= torch.maximum(f, g)
c["and"] = p & q
c["or"] = p | q
c["not"] = ~p
c["choose"] = torch.where(f > 0, f, g)
c["choose row"] = torch.where(p[:, :, None], f, row)
c["choose int"] = torch.where(p, i, j)
c["choose bool"] = torch.where(p, q, ~q)
c["int plus"] = i + j
c["int minus"] = i - j
c["int times"] = i * j
c["int over"] = torch.div(i, j, rounding_mode="trunc")
c["int negate"] = -i
c["int abs"] = i.abs()
c["int max"] = torch.maximum(i, j)
c["int min"] = torch.minimum(i, j)
c["int sign"] = i.sign()
c["int sum"] = i.sum(1)
c["int cumulative"] = i.cumsum(1)
c["int largest"] = i.amax(1)
c["int argmax"] = i.argmax(1)
c["int relu"] = i.relu()
c["int top"] = i.topk(2, 1).values
c["cast to int"] = (f * 3).to(torch.int64)
c["cast to bool"] = i.to(torch.bool)
c["cast to float"] = p.to(torch.float32)
c["matmul"] = f @ w
c["matmul batched"] = f @ b
c["matmul vector"] = f @ v
c["vector matmul"] = v @ w
c["vector vector"] = v @ row
c["einsum"] = torch.einsum("bpd,de->bpe", f, w)
c["einsum dot"] = torch.einsum("bpd,bqd->bpq", f, g)
c["einsum sum"] = torch.einsum("bpd->d", f)
c["einsum diagonal"] = torch.einsum("ii->i", square)
c["sum"] = f.sum()
c["sum last"] = f.sum(-1)
c["sum two"] = f.sum((0, 2))
c["sum keeping"] = f.sum(1, keepdim=True)
c["mean"] = f.mean(1)
c["mean all"] = f.mean()
c["mean keeping"] = f.mean((1, 2), keepdim=True)
c["largest"] = f.amax((1, 2))
c["smallest"] = f.amin(0)
c["norm"] = f.norm(dim=-1)
c["norm all"] = f.norm()
c["product"] = f.prod(2)
c["log sum exp"] = f.logsumexp(2)
c["log sum exp large"] = (f * 1000).logsumexp((0, 2))
c["variance"] = f.var(-1, unbiased=False)
c["dot"] = (f * g).sum(-1)
c["layer norm"] = F.layer_norm(f, (4,), eps=1e-5)
c["rms norm"] = f / (f.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()
c["cross entropy"] = F.cross_entropy(f.reshape(6, 4), t.reshape(6), reduction="none").reshape(2, 3)
c["cross entropy middle"] = F.cross_entropy(f, torch.tensor([[0, 2, 1, 1], [2, 0, 0, 1]]), reduction="none")
c["softmax"] = f.softmax(-1)
c["softmax middle"] = f.softmax(1)
c["softmax first"] = f.softmax(0)
c["log softmax"] = f.log_softmax(-1)
c["log softmax first"] = f.log_softmax(0)
c["softmax large"] = (f * 1000).softmax(1)
c["cumulative"] = f.cumsum(1)
c["cumulative last"] = f.cumsum(-1)
c["argmax"] = f.argmax(-1)
c["argmax first"] = f.argmax(0)
c["argmin"] = f.argmin(1)
c["top"] = f.topk(2, 2).values
c["top indices"] = f.topk(2, 2).indices
c["top first axis"] = f.topk(1, 0).values
c["cosine"] = F.cosine_similarity(f, g, dim=-1)
c["reshape"] = f.reshape(2, 12)
c["reshape rest"] = f.reshape(-1, 2, 2)
c["transpose"] = f.permute(2, 0, 1).contiguous()
c["unsqueeze"] = f[:, :, None, :]
c["unsqueeze last"] = f[..., None]
c["squeeze"] = col.squeeze(1)
c["concat"] = torch.cat([f, g, f], 1)
c["concat first"] = torch.cat([f, g], 0)
c["concat last"] = torch.cat([f, g], -1)
c["stack"] = torch.stack([f, g])
c["stack scalars"] = torch.stack([f.sum(), g.sum(), one])
c["gather"] = f[:, pick]
c["gather matrix"] = w[:, t]
c["gather scalar"] = f[:, 1]
c["gather along"] = f.gather(2, along)
c["scatter along"] = f.scatter(2, distinct, updates)
c["split second"] = f.split([1, 3], 2)[1].contiguous()
c["one hot"] = F.one_hot(t, 5).to(torch.float32)
c["expand"] = row.expand(2, 3, 4).contiguous()
c["expand column"] = col.expand(3, 6).contiguous()
c["at index"] = f[:, 1].contiguous()
c["at last"] = f[:, -1].contiguous()
c["at indices"] = f[:, [2, 0]].contiguous()
c["at range"] = f[:, 1:].contiguous()
c["at step"] = f[..., 0:4:2].contiguous()
c["at two"] = f[:, 1, 2].contiguous()
x = f.clone(); x[:, 1] = g[:, 2]
c["with index"] = x
x = f.clone(); x[..., [0, 3]] = 7
c["with indices number"] = x
x = f.clone(); x[:, 0:2, 1:3] = g[:, 0:2, 1:3]
c["from region"] = x
x = f.clone(); x[1] = row
c["with row"] = x
x = i.clone(); x[:, 1] = -4
c["with int"] = x
x = p.clone(); x[:, 0] = False
c["with bool"] = x
c["gelu by apply"] = F.gelu(f)
c["leaky by apply"] = F.leaky_relu(f, 0.125)
c["clip by apply"] = f.clamp(-0.5, 0.5)
c["pad by apply"] = F.pad(f, (1, 2))
c["top index by apply"] = f.topk(2, -1).indices
c["trilu by apply"] = square.triu()

out = {"in/" + k: x.clone(memory_format=torch.contiguous_format) for k, x in dict(
    f=f, g=g, h=h, row=row, col=col, w=w, b=b, v=v, one=one, i=i, j=j, p=p, q=q, t=t, pick=pick, along=along,
    updates=updates, distinct=distinct, odd=odd, square=square, halves=torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 0.49]),
    middle=torch.tensor([[0, 2, 1, 1], [2, 0, 0, 1]])).items()}
out |= {"out/" + k: x.clone(memory_format=torch.contiguous_format) for k, x in c.items()}
# numpy has a say where its words differ least: two independent makers agree
for name, value in {"einsum": np.einsum("bpd,de->bpe", f.numpy(), w.numpy()), "cumulative": np.cumsum(f.numpy(), 1),
                    "gather matrix": np.take(w.numpy(), t.numpy(), 1), "sum two": f.numpy().sum((0, 2))}.items():
    assert np.allclose(value, c[name].numpy(), atol=1e-5), name
save_file(out, str(pathlib.Path(sys.argv[1]) / "reference.safetensors"))
