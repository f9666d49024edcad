"""Where the instance norms are in a LiteRT graph, as `litert_rewrites` writes them."""

from typing import NamedTuple

KINDS = ("MEAN", "SUB", "SQUARE", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "ADD")


class Norm(NamedTuple):
    """One instance norm.

    Its statistics and all that follows from them stay float: a channel's variance is a mean of
    squares, which 8 bits hold of the largest values only.

    Attributes:
        source, output: Numbers of the tensors that it reads and makes.
        inside: Those of all that it makes, the output too.
        epsilon, gamma, beta: The operators with these constants, each the second input.
    """

    source: int
    output: int
    inside: set
    epsilon: object
    gamma: object
    beta: object


def norms_of(model):
    """The `Norm`s of a `LiteRTModel`, in the graph's order."""
    operators, found = model.operators, []
    kinds = model.kinds()
    for start in range(len(kinds) - len(KINDS) + 1):
        if tuple(kinds[start : start + len(KINDS)]) != KINDS:
            continue
        part = operators[start : start + len(KINDS)]
        outputs = [int(operator.outputs[0]) for operator in part]
        _, _, _, _, epsilon, _, gamma, _, beta = part
        norm = Norm(int(part[0].inputs[0]), outputs[-1], set(outputs), epsilon, gamma, beta)
        if all(model.constant(int(o.inputs[1])) is not None for o in (epsilon, gamma, beta)):
            found.append(norm)
    return found
