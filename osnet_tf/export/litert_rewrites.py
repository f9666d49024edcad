"""Rewrites of a float LiteRT graph that leave its values alone and let every program read it."""

import numpy as np

from osnet_tf.export.flatbuffer import LiteRTModel

_NORM = {"RESHAPE", "MEAN", "SUB", "SQUARE", "ADD", "RSQRT", "MUL"}  # some with NEG too


def plain_operators(model: LiteRTModel):
    """All rewrites of this module, in place.

    Afterwards gates and instance norms work on maps of one pixel, `(batch, 1, 1, channels)`, by the
    network's other operators, and no tensor of the network but its embedding has less than four
    dimensions, or more. Programs that keep maps in another order, as OpenCV does, follow only such.
    """
    normalization_by_channel(model)
    gates_to_convolutions(model)
    instance_norms_to_maps(model)
    _drop_unread(model)


def normalization_by_channel(model: LiteRTModel):
    """Gives the constants of the image normalisation one dimension, `(3,)`."""
    for operator in model.operators[:4]:
        if model.kind(operator) not in ("MUL", "ADD"):
            continue
        for tensor in map(int, operator.inputs):
            constant = model.shape(tensor)
            if model.values(tensor) is not None and constant == (1,) * (len(constant) - 1) + (3,):
                model.reshape_constant(tensor, (3,))


def gates_to_convolutions(model: LiteRTModel):
    """Writes each gate's dense layers as 1x1 convolutions of a map of one pixel.

    A gate is, from below: a MUL, maybe a RESHAPE, a LOGISTIC, dense layers, a MEAN of a map.
    """
    for logistic in [o for o in model.operators if model.kind(o) == "LOGISTIC"]:
        gate = _gate_above(model, logistic)
        if gate is not None:
            _write_as_convolutions(model, logistic, *gate)


def _gate_above(model, logistic):
    """`(mean, dense layers from above, multiplication)`, or None."""
    producers, consumers = model.producers(), model.consumers()
    dense, above = [], producers.get(int(logistic.inputs[0]))
    while above is not None and model.kind(above) == "FULLY_CONNECTED":
        dense.insert(0, above)
        above = producers.get(int(above.inputs[0]))
    if not dense or above is None or model.kind(above) != "MEAN":
        return None
    axes = sorted(model.constant(int(above.inputs[1])).ravel())
    if len(model.shape(int(above.inputs[0]))) != 4 or axes != [1, 2]:
        return None
    passed = [int(o.outputs[0]) for o in (above, *dense)]
    if any(len(consumers[tensor]) != 1 for tensor in passed):
        return None
    below = consumers[int(logistic.outputs[0])]
    if len(below) == 1 and model.kind(below[0]) == "RESHAPE":
        below = consumers[int(below[0].outputs[0])]
    if len(below) != 1 or model.kind(below[0]) != "MUL":
        return None
    return above, dense, below[0]


def _write_as_convolutions(model, logistic, mean, dense, multiply):
    source = int(mean.inputs[0])
    mean.builtinOptions.keepDims = True
    for operator in (mean, *dense, logistic):
        output = int(operator.outputs[0])
        model.set_shape(output, (model.shape(source)[0], 1, 1, model.shape(output)[-1]))
    gate = int(logistic.outputs[0])
    reshaped = [o for o in model.consumers()[gate] if model.kind(o) == "RESHAPE"]
    for reshape in reshaped:
        model.rewire(int(reshape.outputs[0]), gate)
    changed = {id(one): _convolution(model, one) for one in dense}
    gone = {id(one) for one in reshaped}
    model.operators = [changed.get(id(o), o) for o in model.operators if id(o) not in gone]


def _convolution(model, dense):
    weights = int(dense.inputs[1])
    outputs, inputs = model.shape(weights)[0], model.shape(weights)[-1]
    model.reshape_constant(weights, (outputs, 1, 1, inputs))  # also where gates share it
    bias = int(dense.inputs[2]) if len(dense.inputs) > 2 else -1
    if bias < 0:
        bias = model.add_constant("gate/bias", np.zeros(outputs))
    return model.operator(
        "CONV_2D",
        [int(dense.inputs[0]), weights, bias],
        [int(dense.outputs[0])],
        "Conv2DOptions",
        padding=model.schema.Padding.VALID,
        strideH=1,
        strideW=1,
        dilationHFactor=1,
        dilationWFactor=1,
        fusedActivationFunction=dense.builtinOptions.fusedActivationFunction,
    )


def instance_norms_to_maps(model: LiteRTModel):
    """Writes each instance norm on `(batch, height, width, channels)`.

    The converter writes it on five dimensions, and subtracts the mean twice. Here it is `(x - mean)
    * scale + beta`, `scale = gamma / sqrt(mean((x - mean) ** 2) + epsilon)`, with gamma, beta and
    epsilon for each channel: MEAN, SUB, SQUARE, MEAN, ADD, RSQRT, MUL, MUL, ADD.
    """
    for first in [o for o in model.operators if model.kind(o) == "RESHAPE"]:
        norm = _norm_below(model, first)
        if norm is not None:
            _write_on_maps(model, norm)


def _norm_below(model, first):
    """The operators of the instance norm that begins with this RESHAPE to five dimensions, or None.

    They are all that follow from it up to a RESHAPE to the shape that there was before.
    """
    shape = model.shape(int(first.inputs[0]))
    if len(shape) != 4 or model.shape(int(first.outputs[0])) != (*shape, 1):
        return None
    reached, found = {int(first.outputs[0])}, [first]
    for operator in model.operators:
        if reached.isdisjoint(map(int, operator.inputs)):
            continue
        found.append(operator)
        if model.kind(operator) == "RESHAPE":
            break
        reached.update(map(int, operator.outputs))
    kinds = [model.kind(operator) for operator in found]
    whole = model.shape(int(found[-1].outputs[0])) == shape
    if not whole or set(kinds) - {"NEG"} != _NORM or kinds.count("RSQRT") != 1:
        return None
    return found


def _norm_constants(model, norm):
    """Dict of epsilon, gamma and beta, where the norm has them."""
    constants = {"epsilon": 0.0, "gamma": 1.0, "beta": 0.0}
    root = next(o for o in norm if model.kind(o) == "RSQRT")
    names = {"MUL": "gamma", "ADD": "beta"}
    for operator in norm:
        if model.kind(operator) in names:
            above_root = int(operator.outputs[0]) == int(root.inputs[0])
            name = "epsilon" if above_root else names[model.kind(operator)]
            for values in map(model.values, map(int, operator.inputs)):
                if values is not None:
                    constants[name] = values.reshape(-1)
    return constants


def _write_on_maps(model, norm):
    source, output = int(norm[0].inputs[0]), int(norm[-1].outputs[0])
    shape = model.shape(source)
    pixel = (shape[0], 1, 1, shape[3])
    constants = _norm_constants(model, norm)
    name = model.tensors[output].name.decode()

    def constant(kind):
        values = np.broadcast_to(constants[kind], (shape[3],)).reshape(1, 1, 1, -1)
        return model.add_constant(f"{name}/{kind}", values)

    axes = model.add_constant(f"{name}/axes", np.array([1, 2], "int32"))
    made = []

    def add(kind, inputs, size, options=None, result=None, **values):
        number = len(made)
        result = model.add_tensor(f"{name}/{number}", size) if result is None else result
        made.append(model.operator(kind, inputs, [result], options, **values))
        return result

    mean = add("MEAN", [source, axes], pixel, "ReducerOptions", keepDims=True)
    centred = add("SUB", [source, mean], shape, "SubOptions")
    squares = add("SQUARE", [centred], shape, "SquareOptions")
    variance = add("MEAN", [squares, axes], pixel, "ReducerOptions", keepDims=True)
    positive = add("ADD", [variance, constant("epsilon")], pixel, "AddOptions")
    inverse = add("RSQRT", [positive], pixel)
    scale = add("MUL", [inverse, constant("gamma")], pixel, "MulOptions")
    scaled = add("MUL", [centred, scale], shape, "MulOptions")
    activation = norm[-2].builtinOptions.fusedActivationFunction
    add(
        "ADD",
        [scaled, constant("beta")],
        shape,
        "AddOptions",
        output,
        fusedActivationFunction=activation,
    )
    at = next(index for index, operator in enumerate(model.operators) if operator is norm[-1])
    gone = {id(operator) for operator in norm}
    before, after = model.operators[:at], model.operators[at:]
    kept = [[o for o in part if id(o) not in gone] for part in (before, after)]
    model.operators = [*kept[0], *made, *kept[1]]


def _drop_unread(model):
    """Without the operators whose output nobody reads: a norm's constants of 16 bits had such."""
    kept, read = [], {model.output}
    for operator in reversed(model.operators):
        if read.intersection(map(int, operator.outputs)):
            kept.insert(0, operator)
            read.update(map(int, operator.inputs))
    model.operators = kept
