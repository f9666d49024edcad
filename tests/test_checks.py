"""One dialect for arguments that cannot be."""

import numpy as np
import pytest

from osnet_tf.checks import check_choice, check_int, check_number, did_you_mean
from osnet_tf.errors import ArgumentError, OSNetError


@pytest.mark.parametrize("value", [0, 2.0, 2.5, True, "2", None, float("nan")])
def test_what_is_no_positive_integer(value):
    with pytest.raises(ArgumentError) as caught:
        check_int(good=3, instances=value)
    assert str(caught.value) == (
        f"`instances` must be an integer >= 1. Received: instances={value!r}"
    )
    assert caught.value.argument == "instances"
    assert isinstance(caught.value, OSNetError | ValueError)


def test_integers_of_numpy_count_and_so_does_the_minimum():
    check_int(instances=np.int64(1))
    check_int(0, pad=0)
    with pytest.raises(ArgumentError, match=r"`pad` must be an integer >= 0\. Received: pad=-1"):
        check_int(0, pad=-1)


@pytest.mark.parametrize(
    ("bounds", "value", "rule"),
    [
        ({"minimum": 0}, -1e-9, "must be >= 0"),
        ({"above": 0}, 0.0, "must be > 0"),
        ({"minimum": 0, "below": 1}, 1, "must be >= 0 and < 1"),
        ({"minimum": 0, "maximum": 1}, 1.5, "must be >= 0 and <= 1"),
        ({}, float("inf"), "must be a finite number"),
        ({}, float("nan"), "must be a finite number"),
        ({}, True, "must be a finite number"),
        ({}, "0.5", "must be a finite number"),
    ],
)
def test_numbers_out_of_bounds(bounds, value, rule):
    with pytest.raises(ArgumentError) as caught:
        check_number(**bounds, margin=value)
    assert str(caught.value) == f"`margin` {rule}. Received: margin={value!r}"


def test_numbers_within_bounds():
    check_number(0, 1, erase=0)
    check_number(0, 1, erase=np.float32(1))
    check_number(above=0, below=1, share=0.5)


def test_choices_and_the_nearest():
    check_choice(("linear", "cosine"), head="cosine")
    for value in ("cosin", None, 3, ["linear"]):
        with pytest.raises(ArgumentError, match=r"`head` must be one of 'linear', 'cosine'\."):
            check_choice(("linear", "cosine"), head=value)
    assert did_you_mean("Cosin", ("linear", "cosine")) == " Did you mean 'cosine'?"
    assert did_you_mean("xyz", ("linear", "cosine")) == ""
