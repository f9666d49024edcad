"""Where the gates are in a LiteRT graph, and what makes them exact and fast in 8 bits."""

from typing import NamedTuple

import numpy as np

#: int8 copies of each hidden unit of an integer gate.
_COPIES = 8
_DENSE = ("CONV_2D", "FULLY_CONNECTED")


class Gates(NamedTuple):
    """Numbers of the gates' tensors.

    Attributes:
        first: What a gate's average pool gives.
        inside: Between the average pool and the gate's output. A hidden unit or two decide there
            about all channels of a stream: 8 bits are few for them, and they are too small for
            floats to cost much time.
        last: The gates themselves, among `inside`.
    """

    first: set
    inside: set
    last: set

    @property
    def hidden_and_logits(self):
        return self.inside - self.last


def gates_of(model):
    """The `Gates` of a `LiteRTModel`: a LOGISTIC, dense layers above it, and a MEAN above those."""
    producer = model.producers()
    gates = Gates(set(), set(), set())
    for operator in model.operators:
        if model.kind(operator) != "LOGISTIC":
            continue
        above, path = operator, []
        while above is not None and _of_a_gate(model, above):
            path.append(int(above.outputs[0]))
            above = producer.get(int(above.inputs[0]))
        if above is not None and model.kind(above) == "MEAN":
            gates.first.add(int(above.outputs[0]))
            gates.inside.update(path)
            gates.last.add(path[0])
    return gates


def _of_a_gate(model, operator):
    if model.kind(operator) in _DENSE:  # a convolution of one pixel is dense
        return max(model.shape(int(operator.inputs[0]))[1:-1], default=1) == 1
    return model.kind(operator) in ("LOGISTIC", "RESHAPE")


def copy_hidden_units(model, gates, ranges):
    """Gives each hidden unit of the gates some copies, in place, so that 8 bits tell more.

    The copies' biases differ by fractions of a step, so they round differently, and their mean,
    which the next layer takes, has a step as many times finer.

    Args:
        model: A float `LiteRTModel` with gates of 1x1 convolutions.
        gates: Its `Gates`.
        ranges: Dict from a tensor's number to `(low, high)`, what its 8 bits are to cover.
    """
    producer, consumers = model.producers(), model.consumers()
    for hidden in sorted(gates.hidden_and_logits):
        maker, (reader,) = producer[hidden], consumers[hidden]
        if model.kind(maker) != "CONV_2D" or model.kind(reader) != "CONV_2D":
            continue
        low, high = ranges[hidden]
        offsets = ((np.arange(_COPIES) + 0.5) / _COPIES - 0.5) * (high - low) / 255
        weights, bias = (model.constant(int(t)) for t in maker.inputs[1:3])
        model.replace_input(maker, 1, np.tile(weights, (_COPIES, 1, 1, 1)))
        model.replace_input(maker, 2, (bias + offsets[:, None]).ravel())
        weights = model.constant(int(reader.inputs[1])) / _COPIES
        model.replace_input(reader, 1, np.tile(weights, (1, 1, 1, _COPIES)))
        batch, *pixel, units = model.shape(hidden)
        model.set_shape(hidden, (batch, *pixel, _COPIES * units))


def spread_over_rows(model, gates, ranges):
    """Lets each gate, `(batch, 1, 1, channels)`, be computed for every pixel of a row, in place.

    XNNPACK multiplies as many values at a time as the smaller factor has side by side. With a row's
    width of them it is called once for a row, not once for a pixel, and that many more values of a
    gate cost nothing beside it.

    Args:
        model: A float `LiteRTModel` with gates of 1x1 convolutions.
        gates: Its `Gates`.
        ranges: Dict from a tensor's number to `(low, high)`; the new tensors get theirs.
    """
    for gate in sorted(gates.last):
        producer = model.producers()
        logistic = producer[gate]
        logits = int(logistic.inputs[0])
        dense, (multiply,) = producer[logits], model.consumers()[gate]
        batch, *pixel, channels = model.shape(gate)
        (maps,) = (int(t) for t in multiply.inputs if int(t) != gate)
        width = model.shape(maps)[2] if len(model.shape(maps)) == 4 else 1
        if model.kind(dense) != "CONV_2D" or pixel != [1, 1] or channels != model.shape(maps)[-1]:
            continue
        weights, bias = (model.constant(int(t)) for t in dense.inputs[1:3])
        model.replace_input(dense, 1, np.tile(weights, (width, 1, 1, 1)))
        model.replace_input(dense, 2, np.tile(bias, width))
        for tensor in (logits, gate):
            model.set_shape(tensor, (batch, 1, 1, width * channels))
        name = model.tensors[gate].name.decode()
        row = model.add_tensor(f"{name}/row", (batch, 1, width, channels))
        ranges[row] = ranges[gate]
        model.rewire(gate, row)
        reshape = model.operator(
            "RESHAPE",
            [gate],
            [row],
            "ReshapeOptions",
            newShape=np.array([batch, 1, width, channels], "int32"),
        )
        model.operators = [
            one for o in model.operators for one in ([o, reshape] if o is logistic else [o])
        ]
