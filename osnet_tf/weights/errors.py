"""The one error of weights: reading, recognising, loading, converting and writing them."""

import os

from osnet_tf.errors import FileError
from osnet_tf.types import PathLike


class WeightsError(FileError):
    """Weights are damaged, ask for something that is refused, or do not fit the model.

    Args:
        path: The file, or what the weights are called.
        problem: What is wrong with them, tensors by name.

    >>> print(WeightsError("X.pth", "an empty file"))
    X.pth: an empty file
    """

    def __init__(self, path: PathLike, problem: str) -> None:
        super().__init__(path, problem)
        self.args = (f"{os.fspath(path)}: {problem}",)
