"""What the converter to ONNX leaves to do: gates, batch norms and transposes.

It writes what it is given: gates are matrix products in the layout of TensorFlow, between four
transposes a block, and batch norms stand beside the convolutions. ONNX Runtime folds and cancels
all of that but the gates, so they are rewritten here and it does the rest, once and for every
program.
"""

import tempfile
from pathlib import Path

import numpy as np

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def gates_to_convolutions(model):
    """Writes each gate as 1x1 convolutions on `(batch, channels, 1, 1)`, in place.

    A gate is, from below: a MUL with a RESHAPE to `(-1, 1, 1, gates)` of what dense layers and
    activations make of a SQUEEZE of a GLOBALAVERAGEPOOL. Other ends of dense layers are left alone.

    Args:
        model: An `onnx.ModelProto` as tf2onnx writes it.
    """
    graph = _Graph(model.graph)
    for multiply in [node for node in model.graph.node if node.op_type == "Mul"]:
        for position in (0, 1):
            chain = graph.gate_above(multiply.input[position])
            if chain is not None:
                graph.rewrite(multiply, position, chain)
                break
    graph.save()


class _Graph:
    def __init__(self, graph):
        self.graph = graph
        self.nodes = list(graph.node)
        self.producer = {name: node for node in self.nodes for name in node.output}
        self.constants = {one.name: one for one in graph.initializer}

    def gate_above(self, name):
        """The nodes from the pool's SQUEEZE to what is below the RESHAPE, or None."""
        chain, node = [], self.producer.get(name)
        if node is None or node.op_type != "Reshape":
            return None
        while node is not None and node.op_type in ("Reshape", "Sigmoid", "Relu", "Add", "MatMul"):
            if node.op_type in ("Add", "MatMul") and node.input[1] not in self.constants:
                return None
            chain.append(node)
            node = self.producer.get(node.input[0])
        pooled = node is not None and node.op_type == "Squeeze"
        if not pooled or self.producer[node.input[0]].op_type != "GlobalAveragePool":
            return None
        return [node, *reversed(chain[1:])]

    def rewrite(self, multiply, position, chain):
        """Puts the gate before `multiply`, which works on channels first between two transposes."""
        from onnx import helper

        squeeze, *dense = chain
        value, new, prefix = squeeze.input[0], [], f"{multiply.name}/gate"
        for number, node in enumerate(dense):
            if node.op_type == "MatMul":
                following = dense[number + 1]
                biased = following.op_type == "Add"
                inputs = [value, self._kernel(node.input[1])]
                inputs += [following.input[1]] if biased else []
                value = f"{prefix}/conv{number}"
                new.append(helper.make_node("Conv", inputs, [value], name=value))
            elif node.op_type != "Add":
                value, source = f"{prefix}/{node.op_type.lower()}{number}", value
                new.append(helper.make_node(node.op_type, [source], [value], name=value))
        inputs = list(multiply.input)
        first, last = f"{prefix}/first", f"{prefix}/last"
        output, inputs[position] = multiply.output[0], value
        inputs[1 - position], source = first, inputs[1 - position]
        new += [
            helper.make_node("Transpose", [source], [first], name=first, perm=_TO_NCHW),
            helper.make_node("Mul", inputs, [last], name=multiply.name),
            helper.make_node("Transpose", [last], [output], name=last, perm=_TO_NHWC),
        ]
        at = self.nodes.index(multiply)
        self.nodes[at : at + 1] = new

    def _kernel(self, name):
        """A matrix `(in, out)` as a kernel `(out, in, 1, 1)`; shared ones stay shared."""
        from onnx import numpy_helper

        kernel = f"{name}/1x1"
        if kernel not in self.constants:
            values = numpy_helper.to_array(self.constants[name]).T[:, :, None, None]
            made = numpy_helper.from_array(np.ascontiguousarray(values), kernel)
            self.constants[kernel] = made
            self.graph.initializer.append(made)
        return kernel

    def save(self):
        """Without the nodes that nobody reads any more."""
        wanted, kept = {value.name for value in self.graph.output}, []
        for node in reversed(self.nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                kept.append(node)
        del self.graph.node[:]
        self.graph.node.extend(reversed(kept))


def simplify(model):
    """The model as ONNX Runtime's basic optimisations leave it, in ONNX's own operators alone.

    They fold batch norms into convolutions and transposes into each other, which every program that
    reads the file has the good of.
    """
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of constants that no node reads any more
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        found = onnx.load(path)
    used = {node.domain for node in found.graph.node}
    domains = [one for one in found.opset_import if one.domain in used]
    del found.opset_import[:]
    found.opset_import.extend(domains)
    return found
