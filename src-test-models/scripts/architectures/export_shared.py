"""Modules that are called again: what hooks see in each call. python export_shared.py ../../architectures"""
import os
import sys

import torch
from safetensors.torch import save_file
from torch import nn


class Twin(nn.Module):
    """One encoder for two inputs, whose inner layer is called twice each time; the head's activation has no weights."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.first = nn.Linear(6, 8)
        self.encoder.inner = nn.Linear(8, 8, bias=False)
        self.encoder.act = nn.Tanh()
        self.encoder.forward = self.encode
        self.head = nn.Linear(16, 3)

    def encode(self, x):
        e = self.encoder
        return e.act(e.inner(e.act(e.inner(e.first(x)))))

    def forward(self, left, right):
        return self.head(torch.cat([self.encoder(left), self.encoder(right)], -1))


torch.manual_seed(5)
model = Twin().eval()
inputs = {"left": torch.randn(2, 6), "right": torch.randn(2, 6)}
seen, calls = {"in/" + k: v for k, v in inputs.items()}, {}


def look(path):
    def hook(module, args, output):
        call = calls[path] = calls.get(path, -1) + 1
        seen[f"{path}#input({call})"] = args[0].clone()
        seen[f"{path}#output({call})"] = output.clone()

    return hook


for path, module in model.named_modules():
    if path.startswith("encoder"):
        module.register_forward_hook(look(path))
with torch.no_grad():
    seen["out"] = model(**inputs)
folder = os.path.join(sys.argv[1], "twin")
os.makedirs(folder, exist_ok=True)
model = Twin().eval()
torch.manual_seed(5)
model = Twin().eval()
names = dict(input_names=list(inputs), output_names=["out"])
batch = {0: "batch"}
torch.onnx.export(model, tuple(inputs.values()), os.path.join(folder, "model.onnx"), dynamo=False, opset_version=17,
                  dynamic_axes={"left": batch, "right": batch, "out": batch}, **names)
save_file({k: v.contiguous().clone() for k, v in seen.items()}, os.path.join(folder, "reference.safetensors"))
