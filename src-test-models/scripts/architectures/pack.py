"""Packs exports of other architectures with what PyTorch's hooks saw at standard sites: one file of numbers per model.

    python pack.py out ../../architectures

The first folder holds one folder per model in the format of conformance/, with a case "std:SITE" for each standard site.
Of a pooling head, whose attention asks with a learned vector, ports are packed too: cases "read:head.PORT".
Of a model that calls modules again, what these receive and return in each call is packed too: cases "read:SITE(CALL)".
"""
import json
import os
import re
import shutil
import sys

from safetensors.torch import load_file, save_file

for name, file in (("gemma2", "torchscript"), ("qwen3", "torchscript"), ("mixtral", "torchscript"), ("t5", "torchscript"),
                   ("albert", "torchscript"), ("siglip", "torchscript")):
    folder, target = os.path.join(sys.argv[1], name), os.path.join(sys.argv[2], name)
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(folder, "cases.json")) as f:
        suite = json.load(f)
    tensors = load_file(os.path.join(folder, "reference.safetensors"))
    out = {}
    for case in suite["cases"]:
        run = case["runs"][0]
        out.update({"in/" + k: tensors[v].clone() for k, v in run["inputs"].items()})
        if case["name"].startswith("std:"):
            for key in run["expect"].values():
                out[case["name"][4:]] = tensors[key].clone()
        again = name == "albert" and re.fullmatch(r"read:(.*\(\d\)|albert\.encoder#.*|predictions#.*)", case["name"])
        if name == "siglip" and re.fullmatch(r"read:(head|encoder\.layers\.1)[.\w]*#(input|output|output\[0\])", case["name"]):
            for key in run["expect"].values():
                out[case["name"][5:]] = tensors[key].clone()
        for key in run["expect"].values() if again else ():
            pattern = re.search(r"attention#output\[1\]\((\d)\)", case["name"])
            out[f"layers.{pattern[1]}#pattern" if pattern else case["name"][5:]] = tensors[key].clone()
    save_file(out, os.path.join(target, "reference.safetensors"))
    shutil.copy(os.path.join(folder, suite["model"]["files"][file]["path"]), os.path.join(target, "model.onnx"))
    print(name, len(out))
