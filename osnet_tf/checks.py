"""Checks of arguments, and the one way in which they are refused."""

import contextlib
import difflib
import math
import numbers
from collections.abc import Iterator

from osnet_tf.errors import ArgumentError, MissingPackageError


def check_choice(choices, **arguments):
    """Raises ArgumentError for the first argument that is not one of `choices`.

    >>> check_choice(("mean", "sum"), reduce="men")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `reduce` must be one of 'mean', 'sum'. Did you mean 'mean'? \
Received: reduce='men'
    """
    for name, value in arguments.items():
        if value not in tuple(choices):
            hint = did_you_mean(value, choices)
            refuse(name, f"must be one of {', '.join(map(repr, choices))}", value, hint)


def check_int(minimum=1, **arguments):
    """Raises ArgumentError for the first argument that is no integer >= `minimum`.

    NumPy's integers count, booleans do not.

    >>> check_int(instances=4)
    >>> check_int(instances=2.5)
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `instances` must be an integer >= 1. Received: instances=2.5
    """
    for name, value in arguments.items():
        if not is_int(value) or value < minimum:
            refuse(name, f"must be an integer >= {minimum}", value)


def check_number(minimum=None, maximum=None, *, above=None, below=None, **arguments):
    """Raises ArgumentError for the first argument that is no finite number within the bounds.

    Args:
        minimum, maximum: Bounds that are allowed themselves; None for none.
        above, below: Bounds that are not.
        **arguments: The arguments by their names.

    >>> check_number(0, below=1, smoothing=0.1)
    >>> check_number(0, margin=-1)
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `margin` must be >= 0. Received: margin=-1
    """
    for name, value in arguments.items():
        if not is_number(value):
            refuse(name, "must be a finite number", value)
        rule = broken_bound(value, minimum, maximum, above, below)
        if rule:
            refuse(name, rule, value)


def check_text(**arguments):
    """Raises ArgumentError for the first argument that is no text.

    >>> check_text(name=3)
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `name` must be a text. Received: name=3
    """
    for name, value in arguments.items():
        if not isinstance(value, str):
            refuse(name, "must be a text", value)


def broken_bound(value, minimum=None, maximum=None, above=None, below=None):
    """The rule that a number breaks, such as "must be >= 0"; "" where it keeps all bounds.

    >>> broken_bound(2, minimum=0, below=1), broken_bound(0.5, minimum=0, below=1)
    ('must be >= 0 and < 1', '')
    """
    bounds = {">=": minimum, ">": above, "<=": maximum, "<": below}
    kept = {
        ">=": lambda bound: value >= bound,
        ">": lambda bound: value > bound,
        "<=": lambda bound: value <= bound,
        "<": lambda bound: value < bound,
    }
    given = {sign: bound for sign, bound in bounds.items() if bound is not None}
    if all(kept[sign](bound) for sign, bound in given.items()):
        return ""
    return "must be " + " and ".join(f"{sign} {bound}" for sign, bound in given.items())


def is_int(value):
    """Whether a value is an integer; booleans are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value):
    """Whether a value is a finite real number; booleans are none."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        return real and math.isfinite(value)
    except OverflowError:  # an integer beyond the floats
        return False


def did_you_mean(name, choices):
    """A hint at the nearest of some names, with a space before it; "" where none is near.

    >>> did_you_mean("osnet_x025", ["osnet_x0_25", "osnet_x1_0"])
    " Did you mean 'osnet_x0_25'?"
    """
    names = {str(choice).lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    return f" Did you mean {names[near[0]]!r}?" if near else ""


def refuse(name, rule, value, hint=""):
    """Raises ArgumentError about one argument, in the project's words."""
    end = f".{hint}" if hint else "."
    raise ArgumentError(f"`{name}` {rule}{end} Received: {name}={value!r}", argument=name)


@contextlib.contextmanager
def optional_package(needs: str, remedy: str) -> Iterator[None]:
    """Around the import of a package that only some of the project needs.

    Args:
        needs: What needs it, and its name: "A sweep needs Optuna".
        remedy: What helps, "pip install optuna".

    Raises MissingPackageError if the import fails.

    >>> with optional_package("This example needs nosuch", "pip install nosuch"):
    ...     import nosuch
    Traceback (most recent call last):
    osnet_tf.errors.MissingPackageError: This example needs nosuch, which is not installed: \
pip install nosuch
    """
    try:
        yield
    except ImportError as error:
        raise MissingPackageError(f"{needs}, which is not installed: {remedy}") from error
