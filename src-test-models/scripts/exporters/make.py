"""The tiny decoder of reference.py as files of many exporters: python make.py ../../exporters"""
import copy
import os
import random
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

import reference as ref

TARGET = sys.argv[1]
SEQ = {0: "batch", 1: "sequence"}


def target(name):
    os.makedirs(os.path.join(TARGET, name), exist_ok=True)
    return os.path.join(TARGET, name, "model.onnx")


def save(name, model):
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, target(name))
    session = ort.InferenceSession(target(name), providers=["CPUExecutionProvider"])
    feeds = {k: v.numpy() for k, v in ref.inputs().items()}
    for i in session.get_inputs():
        if i.name not in feeds:
            shape = [2, ref.KV_HEADS, 0, ref.WIDTH] if "past" in i.name else [1]
            kind = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(bool)": bool}[i.type]
            feeds[i.name] = np.zeros(shape, kind)
    logits = session.run(["logits"], {i.name: feeds[i.name] for i in session.get_inputs()})[0]
    error = np.abs(logits.astype(np.float32) - EXPECTED).max()
    print(f"{name:24} {os.path.getsize(target(name)):8} bytes, logits off by {error:.2e}", flush=True)


class Plain(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.model, self.lm_head = inner.model, inner.lm_head

    def forward(self, input_ids, attention_mask, position_ids):
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
                            use_cache=False).last_hidden_state
        return self.lm_head(hidden)


def torchscript(attention="eager", opset=17):
    given = ref.inputs()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = os.path.join(folder, "m.onnx")
        torch.onnx.export(Plain(ref.model(attention)), tuple(given.values()), path, dynamo=False, opset_version=opset,
                          input_names=list(given), output_names=["logits"],
                          dynamic_axes={name: SEQ for name in [*given, "logits"]})
        return onnx.load(path)


def renamed(model, node, value):
    """Renames nodes and values; inputs and outputs of the model keep their names."""
    kept = {v.name for v in [*model.graph.input, *model.graph.output]} | {""}
    names = {}
    rename = lambda old, use=None: old if old in kept else names.setdefault(old, value(old, len(names)))
    for tensor in model.graph.initializer:
        tensor.name = rename(tensor.name)
    del model.graph.value_info[:]
    for number, each in enumerate(model.graph.node):
        each.input[:] = [rename(i) for i in each.input]
        each.output[:] = [rename(o) for o in each.output]
        each.name = node(each, number)
        del each.metadata_props[:]
    return model


def nameless(model):
    random.seed(1)
    word = lambda *_: "".join(random.choice("0123456789abcdef") for _ in range(8))
    return renamed(model, lambda *_: "", word)


def tf2onnx(model):
    """As tf2onnx names: values end in :0, scopes are Keras', layers of one kind are counted."""
    scope = lambda name: "StatefulPartitionedCall/decoder/" + re.sub(r"^/|_output_\d+$", "", name).replace("model/layers.", "layer_").replace(".", "_")
    return renamed(model, lambda n, i: scope(n.name),
                   lambda old, i: (scope(old) if old.startswith("/") else "StatefulPartitionedCall/decoder/" + re.sub(r"\W", "_", old) + "/ReadVariableOp") + f":{0 if old.startswith('/') else i}")


def paddle(model):
    """As paddle2onnx names: operators and parameters are counted."""
    counts = {}

    def node(each, number):
        counts[each.op_type] = counts.get(each.op_type, -1) + 1
        return f"p2o.{each.op_type}.{counts[each.op_type]}"

    return renamed(model, node, lambda old, i: f"linear_{i}.w_0" if "::" in old else f"p2o.value.{i}")


def constants(model):
    """Weights are Constant nodes, and some are the result of constant nodes."""
    graph, nodes = model.graph, []
    for number, tensor in enumerate(graph.initializer):
        if len(tensor.dims) == 2 and number % 2:
            turned = numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(tensor).T), tensor.name + "_t")
            nodes += [helper.make_node("Constant", [], [turned.name], value=turned),
                      helper.make_node("Transpose", [turned.name], [tensor.name], perm=[1, 0])]
        else:
            nodes.append(helper.make_node("Constant", [], [tensor.name], value=tensor))
    nodes += graph.node
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    return model


def function(model):
    """Each norm is a call of one function of the model, and each MLP lies in a branch that is always taken."""
    graph = model.graph
    body = None
    for scope in sorted({m[1] for n in graph.node if (m := re.match(r"(/.*norm)/", n.name))}):
        inside = [n for n in graph.node if n.name.startswith(scope + "/")
                  and not (n.op_type == "Cast" and not n.input[0].startswith(scope))]
        made = {o for n in inside for o in n.output}
        read = [i for n in inside for i in n.input if i not in made]
        data = next(i for i in read if not any(t.name == i for t in graph.initializer))
        weight = next(i for i in read if any(t.name == i for t in graph.initializer))
        left = [o for o in made if any(o in n.input for n in graph.node if n not in inside)]
        assert len(left) == 1, left
        if body is None:
            names = {data: "X", weight: "W", left[0]: "Y"}
            local = lambda v: names.get(v, v.replace("/", "_"))
            steps = []
            for n in inside:
                step = copy.deepcopy(n)
                step.name = ""
                step.input[:], step.output[:] = [local(i) for i in n.input], [local(o) for o in n.output]
                steps.append(step)
            body = helper.make_function("sonde.test", "RmsNorm", ["X", "W"], ["Y"], steps, [helper.make_opsetid("", 17)])
        call = helper.make_node("RmsNorm", [data, weight], left, name=scope + "/RmsNorm", domain="sonde.test")
        nodes = [n for n in graph.node if n not in inside]
        nodes.append(call)
        del graph.node[:]
        graph.node.extend(nodes)
    for scope in sorted({m[1] for n in graph.node if (m := re.match(r"(/.*/mlp)/", n.name))}):
        inside = [n for n in graph.node if n.name.startswith(scope + "/")]
        made = {o for n in inside for o in n.output}
        left = [o for o in made if any(o in n.input for n in graph.node if n not in inside)]
        out = [helper.make_tensor_value_info(scope + "/branch", TensorProto.FLOAT, None)]
        steps = [copy.deepcopy(n) for n in inside]
        for step in steps:
            step.output[:] = [scope + "/branch" if o == left[0] else o for o in step.output]
        # the first factor of the products, and so the whole, is zero in the branch that is never taken
        data = next(i for n in inside for i in n.input if i not in made and not any(t.name == i for t in graph.initializer))
        other = helper.make_graph([helper.make_node("Identity", [data], [scope + "/never"])], "never", [],
                                  [helper.make_tensor_value_info(scope + "/never", TensorProto.FLOAT, None)])
        graph.initializer.append(numpy_helper.from_array(np.array(True), scope + "/always"))
        choice = helper.make_node("If", [scope + "/always"], left, name=scope + "/If",
                                  then_branch=helper.make_graph(steps, "taken", [], out), else_branch=other)
        nodes = [n for n in graph.node if n not in inside] + [choice]
        del graph.node[:]
        graph.node.extend(nodes)
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("sonde.test", 1))
    return sort(model)


def sort(model):
    ready = {v.name for v in model.graph.input} | {t.name for t in model.graph.initializer} | {""}
    left, nodes = list(model.graph.node), []
    reads = lambda n: set(n.input) | {i for a in n.attribute if a.type == onnx.AttributeProto.GRAPH for m in a.g.node for i in m.input
                                      if not any(i in k.output for k in a.g.node)}
    while left:
        for node in left:
            if reads(node) <= ready:
                nodes.append(node)
                ready |= set(node.output)
                left.remove(node)
                break
        else:
            raise ValueError("circle")
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def optimised(model, level):
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        options.optimized_model_filepath = os.path.join(folder, "o.onnx")
        ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def half(model):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    return convert_float_to_float16(model, keep_io_types=False)


class Calibration:
    def __init__(self):
        self.left = [{k: v.numpy() for k, v in ref.inputs().items()}]

    def get_next(self):
        return self.left.pop() if self.left else None


def quantised(model, how):
    from onnxruntime import quantization as q
    with tempfile.TemporaryDirectory() as folder:
        source, made = os.path.join(folder, "s.onnx"), os.path.join(folder, "q.onnx")
        onnx.save(model, source)
        if how == "dynamic":
            q.quantize_dynamic(source, made, weight_type=q.QuantType.QInt8, per_channel=True)
        elif how == "qdq":
            ready = os.path.join(folder, "p.onnx")
            q.quant_pre_process(source, ready, skip_symbolic_shape=True)
            reader = type("Reader", (Calibration, q.CalibrationDataReader), {})()
            q.quantize_static(ready, made, reader, quant_format=q.QuantFormat.QDQ, per_channel=True, op_types_to_quantize=["MatMul"],
                              activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8)
        else:
            from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
            quantizer = MatMulNBitsQuantizer(model, block_size=16, is_symmetric=True, accuracy_level=0)
            quantizer.process()
            return quantizer.model.model
        return onnx.load(made)


class WithPast(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.model, self.lm_head = inner.model, inner.lm_head

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = transformers.DynamicCache()
        for i in range(0, len(past), 2):
            cache.update(past[i], past[i + 1], i // 2)
        out = self.model(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
                         past_key_values=cache, use_cache=True)
        kept = [t for layer in out.past_key_values.layers for t in (layer.keys, layer.values)]
        return (self.lm_head(out.last_hidden_state), *kept)


def merged():
    """Both decoders, with past and without, as optimum merges them."""
    from optimum.onnx.graph_transformations import merge_decoders
    given = ref.inputs()
    named = [f"{i}.{kind}" for i in range(2) for kind in ("key", "value")]
    presents = ["present." + n for n in named]
    axes = {**{n: SEQ for n in ["input_ids", "position_ids", "logits"]}, **{n: {0: "batch", 2: "total"} for n in presents}}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        paths = [os.path.join(folder, n + ".onnx") for n in ("decoder", "with_past", "merged")]
        torch.onnx.export(WithPast(ref.model()), tuple(given.values()), paths[0], dynamo=False, opset_version=17,
                          input_names=list(given), output_names=["logits", *presents],
                          dynamic_axes={**axes, "attention_mask": SEQ})
        past = [torch.randn(2, ref.KV_HEADS, 4, ref.WIDTH) for _ in named]
        given["attention_mask"] = torch.ones(2, 4 + 7, dtype=torch.long)
        pasts = ["past_key_values." + n for n in named]
        torch.onnx.export(WithPast(ref.model()), (*given.values(), *past), paths[1], dynamo=False, opset_version=17,
                          input_names=[*given, *pasts], output_names=["logits", *presents],
                          dynamic_axes={**axes, "attention_mask": {0: "batch", 1: "total"},
                                        **{n: {0: "batch", 2: "past"} for n in pasts}})
        merge_decoders(paths[0], paths[1], save_path=paths[2])
        return onnx.load(paths[2])


def main(wanted):
    plain = torchscript()
    makers = {
        "torchscript": lambda: copy.deepcopy(plain),
        "nameless": lambda: nameless(copy.deepcopy(plain)),
        "tf2onnx": lambda: tf2onnx(copy.deepcopy(plain)),
        "paddle": lambda: paddle(copy.deepcopy(plain)),
        "constants": lambda: constants(copy.deepcopy(plain)),
        "function": lambda: function(copy.deepcopy(plain)),
        "basic": lambda: optimised(plain, ort.GraphOptimizationLevel.ORT_ENABLE_BASIC),
        "extended": lambda: optimised(plain, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
        "all": lambda: optimised(plain, ort.GraphOptimizationLevel.ORT_ENABLE_ALL),
        "half": lambda: half(copy.deepcopy(plain)),
        "dynamic": lambda: quantised(copy.deepcopy(plain), "dynamic"),
        "qdq": lambda: quantised(copy.deepcopy(plain), "qdq"),
        "nbits": lambda: quantised(copy.deepcopy(plain), "nbits"),
        "merged": merged,
    }
    for name in wanted or makers:
        if name in makers:
            save(name, makers[name]())


if __name__ == "__main__":
    os.makedirs(TARGET, exist_ok=True)
    numbers = ref.reference()
    EXPECTED = numbers["logits"].numpy()
    save_file(numbers, os.path.join(TARGET, "reference.safetensors"))
    main(sys.argv[2:])
