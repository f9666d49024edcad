"""A frozen graph in fewer operations: batch norms in the weights, the normalisation in the stem.

TensorFlow folds the scale of a batch norm into a convolution by itself, but not into a depthwise
one, and leaves the rest as operations of their own. What is written here it fuses: a convolution,
its bias and its ReLU are one operation when the graph is run.
"""

import dataclasses
from collections import Counter

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


def folded(frozen):
    """A `Frozen` whose graph is `fold` of the given one's."""
    source, result = frozen.function.inputs[0], frozen.function.outputs[0]
    graph = fold(frozen.function.graph.as_graph_def(add_shapes=True), result.op.name)

    def embed(images):
        return tf.graph_util.import_graph_def(graph, {source.name: images}, [result.name], name="")[
            0
        ]

    spec = tf.TensorSpec(source.shape, source.dtype, source.op.name)
    function = tf.function(embed, input_signature=[spec], autograph=False)
    return dataclasses.replace(frozen, function=function.get_concrete_function())


def folded_inference(model):
    """A function of a model's inference, its weights as they are now, its graph that of `fold`.

    Args:
        model: A `keras.Model` of one input of a fixed size, and one output. Where its graph calls
            functions (control flow), it is left as it is, with the weights as they come to be.

    Returns:
        A `tf.function` from float32 images `(batch, height, width, 3)` to what the model gives for
        them, to rounding. It can be called inside other ones.
    """
    spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)

    @tf.function(input_signature=[spec], autograph=False)
    def infer(images):
        return model(images, training=False)

    frozen = convert_variables_to_constants_v2(
        infer.get_concrete_function(), lower_control_flow=False
    )
    graph = frozen.graph.as_graph_def(add_shapes=True)
    if graph.library.function:
        return infer
    [source], [result] = frozen.inputs, frozen.outputs
    graph = fold(graph, result.op.name)

    @tf.function(input_signature=[spec], autograph=False)
    def infer_folded(images):
        return tf.graph_util.import_graph_def(graph, {source.name: images}, [result.name], "")[0]

    return infer_folded


def fold(graph, output):
    """The graph with each `convolution * scale + offset` as a convolution with a bias.

    Only what computes in float32 is changed.

    Args:
        graph: A `GraphDef` without variables, functions and control flow, with the shapes of its
            tensors (`as_graph_def(add_shapes=True)`).
        output: Name of the node that is wanted.

    Returns:
        A `GraphDef` that computes the same, to rounding, without nodes that `output` does not need.
    """
    copy = tf.compat.v1.GraphDef()
    copy.CopyFrom(graph)
    folding = _Folding(copy)
    folding.fold_batch_norms()
    folding.fold_normalization()
    return folding.graph_for(output)


class _Folding:
    def __init__(self, graph):
        self._graph = graph
        self._nodes = {node.name: node for node in graph.node}
        self._constant = {}
        self._read_by = Counter(_name(source) for node in graph.node for source in node.input)
        self._values = _Constants(graph)

    def fold_batch_norms(self):
        """In place; the node that added the offset adds it as a bias."""
        for add in [node for node in self._nodes.values() if node.op == "AddV2"]:
            multiply, offset = self._with_constant(add)
            if multiply is None or multiply.op != "Mul" or self._read_by[multiply.name] > 1:
                continue
            convolution, scale = self._with_constant(multiply)
            if convolution is None or convolution.op not in _CONVOLUTIONS:
                continue
            if self._read_by[convolution.name] > 1 or not self._is_constant(convolution.input[1]):
                continue
            if convolution.attr["T"].type != tf.float32.as_datatype_enum:
                continue
            channels = self._output_channels(convolution)
            offset, scale = (_of_channels(self._values[n], channels) for n in (offset, scale))
            if offset is None or scale is None:
                continue
            self._scale_kernel(convolution, scale)
            self._replace(add, "BiasAdd", [convolution.name, self._put(add.name, "bias", offset)])

    def fold_normalization(self):
        """`x * scale + offset` of pixels before a padded convolution: `x - mean`, row by row.

        TensorFlow is slow with three channels to be repeated, and fast with the values of a row.
        """
        for pad in [node for node in self._nodes.values() if node.op == "Pad"]:
            add = self._nodes[_name(pad.input[0])]
            readers = [n for n in self._nodes.values() if pad.name in map(_name, n.input)]
            if add.op != "AddV2" or [reader.op for reader in readers] != ["Conv2D"]:
                continue
            [convolution] = readers
            if convolution.attr["T"].type != tf.float32.as_datatype_enum:
                continue
            multiply, offset = self._with_constant(add)
            if multiply is None or multiply.op != "Mul" or self._read_by[add.name] > 1:
                continue
            pixels, scale = self._with_constant(multiply)
            shape = multiply.attr["_output_shapes"].list.shape
            if pixels is None or not shape or self._read_by[multiply.name] > 1:
                continue
            _, height, width, channels = (axis.size for axis in shape[0].dim)
            offset, scale = (_of_channels(self._values[n], channels) for n in (offset, scale))
            if offset is None or scale is None or min(height, width) < 1 or not scale.all():
                continue
            self._scale_inputs(convolution, scale)
            self._subtract(add, pixels, np.tile(-offset / scale, width), (height, width, channels))

    def _subtract(self, add, pixels, row, shape):
        _, width, channels = shape
        rows = self._put(add.name, "row_shape", np.array([-1, width * channels], np.int32))
        images = self._put(add.name, "image_shape", np.array([-1, *shape], np.int32))
        mean = self._put(add.name, "mean", row.astype(np.float32))
        flat = self._new(f"{add.name}/rows", "Reshape", [pixels.name, rows], Tshape=np.int32)
        less = self._new(f"{add.name}/less", "Sub", [flat, mean])
        self._replace(add, "Reshape", [less, images], Tshape=np.int32)

    def _with_constant(self, node):
        """Of a node of two inputs: the one that is not constant, and the name of the other."""
        constant = [self._is_constant(source) for source in node.input]
        if sorted(constant) != [False, True]:
            return None, None
        return self._nodes[_name(node.input[constant.index(False)])], node.input[
            constant.index(True)
        ]

    def _is_constant(self, source):
        name = _name(source)
        if name not in self._constant:
            node = self._nodes[name]
            inputs = [one for one in node.input if not one.startswith("^")]
            self._constant[name] = node.op == "Const" or (
                bool(inputs) and all(self._is_constant(one) for one in inputs)
            )
        return self._constant[name]

    def _output_channels(self, convolution):
        shape = self._values[convolution.input[1]].shape
        return shape[2] * shape[3] if convolution.op == "DepthwiseConv2dNative" else shape[3]

    def _scale_kernel(self, convolution, scale):
        kernel = self._values[convolution.input[1]]
        last = kernel.shape[2:] if convolution.op == "DepthwiseConv2dNative" else (-1,)
        self._set_kernel(convolution, kernel * scale.reshape(last))

    def _scale_inputs(self, convolution, scale):
        self._set_kernel(convolution, self._values[convolution.input[1]] * scale[:, None])

    def _set_kernel(self, convolution, kernel):
        convolution.input[1] = self._put(convolution.name, "kernel", kernel)

    def _put(self, prefix, name, value):
        value = np.asarray(value, value.dtype if value.dtype == np.int32 else np.float32)
        name = f"{prefix}/folded_{name}"
        node = tf.compat.v1.NodeDef(name=name, op="Const")
        node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        self._nodes[name] = node
        self._constant[name] = True
        self._values.put(name, value)
        return name

    def _new(self, name, kind, inputs, **types):
        node = tf.compat.v1.NodeDef(name=name)
        self._nodes[name] = node
        self._replace(node, kind, inputs, **types)
        return name

    def _replace(self, node, kind, inputs, **types):
        del node.input[:]
        node.input.extend(inputs)
        node.op = kind
        node.attr.clear()
        for name, dtype in {"T": np.float32, **types}.items():
            node.attr[name].type = tf.as_dtype(dtype).as_datatype_enum

    def graph_for(self, output):
        wanted, ordered = set(), []

        def visit(name):
            if name not in wanted:
                wanted.add(name)
                for source in self._nodes[name].input:
                    visit(_name(source))
                ordered.append(self._nodes[name])

        visit(output)
        found = tf.compat.v1.GraphDef(versions=self._graph.versions)
        found.node.extend(ordered)
        return found


class _Constants:
    """The values of constant nodes, computed when they are asked for."""

    def __init__(self, graph):
        self._function = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(graph, name=""), []
        )
        self._kept = {}

    def __getitem__(self, source):
        name = _name(source)
        if name not in self._kept:
            tensor = self._function.graph.get_tensor_by_name(f"{name}:0")
            self._kept[name] = self._function.prune([], tensor)().numpy()
        return self._kept[name]

    def put(self, name, value):
        self._kept[name] = value


def _name(source):
    return source.removeprefix("^").partition(":")[0]


def _of_channels(values, channels):
    """One value for each channel, where these are numbers that repeat over all else; or None."""
    if values.ndim and values.size != values.shape[-1]:
        return None
    if values.size not in (1, channels):
        return None
    return np.broadcast_to(values.reshape(-1), channels).astype(np.float64)
