"""The paper's ablations as arguments of `OSNet`, and what they cost."""

from typing import NamedTuple

from osnet_tf.complexity import count_multiply_adds, count_parameters
from osnet_tf.errors import ArgumentError
from osnet_tf.models import OSNet
from osnet_tf.presets import ABLATIONS


class Cost(NamedTuple):
    """One row of `cost_table`.

    Attributes:
        name: Key of `ABLATIONS`.
        about: The row in words.
        parameters: Trainable parameters, without classifier.
        multiply_adds: For one image.
    """

    name: str
    about: str
    parameters: int
    multiply_adds: int


def cost_table(names=None, progress=None):
    """Parameters and multiply-adds of the ablations, counted on the built models.

    Args:
        names: Keys of `ABLATIONS`; all of them by default.
        progress: Called with 1 for each finished row; may be None.

    Returns:
        List of `Cost`.

    Raises ValueError for a name that is not there.

    >>> [row.parameters for row in cost_table(["osnet_x0_25_64x32"])]
    [201864]
    """
    rows = []
    for name in ABLATIONS if names is None else names:
        if name not in ABLATIONS:
            raise ArgumentError(
                f"There is no such ablation; there are {', '.join(ABLATIONS)}. Received: {name!r}"
            )
        about, arguments = ABLATIONS[name]
        model = OSNet(**arguments)
        rows.append(Cost(name, about, count_parameters(model), count_multiply_adds(model)))
        if progress is not None:
            progress(1)
    return rows
