"""Where in a checkpoint's tree its state dict is."""

import pytest

from osnet_tf.weights import WeightsError
from osnet_tf.weights.pickled_values import Inert, StorageRef, TensorRef
from osnet_tf.weights.wrappers import find_state_dict

W = TensorRef(StorageRef("0", "float32", 6, 0, 6), 0, (6,), (1,), "float32")
OSNET = {"conv5.bn.bias": W, "x": W}


@pytest.mark.parametrize(
    ("tree", "keys", "left_out"),
    [
        ({"w": W}, ["w"], ()),
        ({"anything": {"w": W}, "epoch": 3}, ["w"], ("epoch",)),
        ({"a": 1, "b": {"c": {"w": W}, "d": 2}}, ["w"], ("a", "d")),
        ({"w": W, "v": [1], 3: W}, ["w"], ("v", "3")),
        # several dicts hold tensors: the network's, then the one that holds nothing else
        ({"ema": {"w": W}, "net": {f"m.{k}": W for k in OSNET}}, ["m.conv5.bn.bias", "m.x"],
         ("ema",)),
        ({"mAP": W, "epoch": 1, "state_dict": {"w": W}}, ["w"], ("mAP", "epoch")),
        ({"centers": {"c": W}, **OSNET}, ["conv5.bn.bias", "x"], ("centers",)),
        ({"o": Inert("os.system"), "w": W}, ["w"], ("o (os.system)",)),
    ],
)  # fmt: skip
def test_one_state_dict(tree, keys, left_out):
    found = find_state_dict(tree, "X")
    assert list(found.tensors) == keys
    assert found.left_out == left_out


def test_a_dict_under_two_names_is_one():
    shared = {"w": W}
    assert list(find_state_dict({"model": shared, "net": shared}, "X").tensors) == ["w"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"model": {"w": W}, "net": {"v": W}}, r"several state dicts: model, net. Save the wanted"),
        ({"a": {"model": OSNET, "ema": OSNET | {}}}, r"several state dicts: a\.model, a\.ema"),
        ({"a": {"b": {"c": {"w": W}}}}, r"no state dict found: not tensors: 'a' \(dict\)"),
        ({}, "no state dict found: empty"),
        ([W], "holds list, not a state dict"),
    ],
)
def test_none_or_several(tree, message):
    with pytest.raises(WeightsError, match=rf"^X: .*{message}"):
        find_state_dict(tree, "X")


def test_a_tree_that_holds_itself():
    tree = {"epoch": 1}
    tree["state_dict"] = tree
    with pytest.raises(WeightsError, match="no state dict found"):
        find_state_dict(tree, "X")
