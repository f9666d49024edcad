"""Where the gates are in a LiteRT graph."""

from typing import NamedTuple


class Gates(NamedTuple):
    """Numbers of the gates' tensors.

    Attributes:
        first: What a gate's average pool gives.
        inside: What must stay float: between the average pool and the gate's output. A hidden unit
            or two decide there about all channels of a stream, 8 bits are too few for them, and
            they are too small for floats to cost time.
        last: The gates themselves, among `inside`.
    """

    first: set
    inside: set
    last: set


def gates_of(model):
    """The `Gates` of a `LiteRTModel`: a LOGISTIC, dense layers above it, and a MEAN above those."""
    producer = {int(t): operator for operator in model.operators for t in operator.outputs}
    gates = Gates(set(), set(), set())
    for operator in model.operators:
        if model.kind(operator) != "LOGISTIC":
            continue
        above, path = operator, []
        while above is not None and model.kind(above) in ("LOGISTIC", "FULLY_CONNECTED", "RESHAPE"):
            path.append(int(above.outputs[0]))
            above = producer.get(int(above.inputs[0]))
        if above is not None and model.kind(above) == "MEAN":
            gates.first.add(int(above.outputs[0]))
            gates.inside.update(path)
            gates.last.add(path[0])
    return gates
