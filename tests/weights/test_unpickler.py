"""Pickles: every way to write a tensor, and everything that is refused."""

import argparse
import collections
import datetime
import enum
import os
import pathlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from osnet_tf.weights import WeightsError, read_checkpoint
from tests.weights.handmade import (
    FLOATS,
    Call,
    Name,
    Persistent,
    dumps,
    legacy_bytes,
    ordered_dict,
    rebuild_v2,
    storage,
    tensor,
    zip_bytes,
)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(read, protocol):
    state = {"w": tensor("0", (2, 3)), "again": tensor("0", (6,))}
    result = read(zip_bytes(state, {"0": FLOATS.tobytes()}, protocol=protocol))
    np.testing.assert_array_equal(result["w"], FLOATS.reshape(2, 3))


def test_python_2_pickles(read):
    """OrderedDict([[key, value]]), str as BINSTRING, large integers as INT lines."""
    state = (
        b"\x80\x02ccollections\nOrderedDict\n(]](U\x01x"
        b"ctorch._utils\n_rebuild_tensor\n"
        b"((U\x07storagectorch\nFloatStorage\nU\x0294T\x03\x00\x00\x00cpuI6\nNtQ"
        b"K\x00(K\x06t(K\x01ttReatR."
    )
    result = read(legacy_bytes(state, {"94": FLOATS.tobytes()}))
    np.testing.assert_array_equal(result["x"], FLOATS, strict=True)


class Dangerous:
    def __reduce__(self):
        return (os.system, ("touch /tmp/osnet_tf_was_here",))


MARKED = [Name("torch", "FloatStorage"), "0", "cpu", 6]


def test_nothing_is_called_whatever_it_is_named(read, container):
    """What is beside the weights is left inert; in the place of the weights, it is named."""
    state = {"w": tensor("0", (6,)), "epoch": Dangerous()}
    for tree in (state, {"state_dict": {"w": tensor("0", (6,))}, "args": [Dangerous()]}):
        for protocol in (2, 4):
            data = container(dumps(tree, protocol), {"0": FLOATS.tobytes()})
            assert list(read(data)) == ["w"]
    assert not Path("/tmp/osnet_tf_was_here").exists()


@pytest.mark.parametrize(
    ("pickled", "name"),
    [
        (pickle.dumps(Dangerous(), 2), "holds (posix|nt).system, not a state dict"),
        (pickle.dumps({"state_dict": [Dangerous()]}, 4), r"'state_dict' \(list\)"),
        (dumps({"x": Name("os", "system")("true")}), r"'x' \(os.system\)"),
        (dumps({"x": Name("__builtin__", "eval")("1")}), r"'x' \(builtins.eval\)"),
        (dumps({"x": Name("builtins", "getattr")(Name("torch", "Size"), "__new__")}, 4), "getattr"),
        (dumps(Name("torch._utils", "_rebuild_tensor_v2.__globals__"), 4), "__globals__"),
        (dumps(Name("torch.storage", "_load_from_bytes")(b"x"), 3), "_load_from_bytes"),
        (dumps(Name("collections.OrderedDict", "fromkeys")("x"), 4), "OrderedDict.fromkeys"),
        (dumps(Name("torchreid.models.osnet", "OSNet")()), "save model.state_dict"),
        (b"\x80\x02(ios\nsystem\n.", "holds os.system"),  # INST
        (b"\x80\x02(cos\nsystem\nX\x04\x00\x00\x00trueo.", "holds os.system"),  # OBJ
        (b"\x80\x02cos\nsystem\n)\x81.", "holds os.system"),  # NEWOBJ
        (b"\x80\x04cos\nsystem\n)}\x92.", "holds os.system"),  # NEWOBJ_EX
        (b"\x80\x02ctorch\ndevice\n)R)R.", "holds torch.device"),  # called twice
        (b"\x80\x02\x82\x01.", "opcode EXT1 is none that PyTorch writes"),
        (b"\x80\x02P0\n.", "opcode PERSID is none"),
        (b"\x80\x05\x97.", "opcode NEXT_BUFFER is none"),
        (b"\x80\x02cos\x00\nsystem\n.", r"'os\\x00.system'"),
        (dumps(Persistent("module", Name("torch", "Net"), "x.py", "source")), "holds torch.Net"),
    ],
)
def test_what_is_no_state_dict_is_named(read, container, pickled, name):
    with pytest.raises(WeightsError, match=rf"X\.pth: .*{name}"):
        read(container(pickled, {}))
    assert not Path("/tmp/osnet_tf_was_here").exists()


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_objects_beside_the_weights_are_left_out_by_name(tmp_path, protocol):
    tree = {
        "checkpoint": {"state_dict": {"w": tensor("0", (6,)), "epochs": 60}, "scores": [0.5]},
        "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("a", "b")),
        "when": datetime.datetime(2026, 11, 25, 5, 0, tzinfo=datetime.UTC),
        "path": pathlib.PurePosixPath("runs", "a"),
        "cmc": np.linspace(0.5, 1, 20),
        "best": np.float32(0.75),
        "counts": collections.Counter("aab"),
        "lists": collections.defaultdict(list, {"a": [1]}),
        "colour": Colour.RED,
        "large": 2**70,
        ("a", 1): b"bytes",
    }
    path = tmp_path / "X.pth"
    path.write_bytes(zip_bytes(tree, {"0": FLOATS.tobytes()}, protocol=protocol))
    arrays, left_out = read_checkpoint(path)
    np.testing.assert_array_equal(arrays["w"], FLOATS, strict=True)
    names = [name.split(" ")[0] for name in left_out]
    assert names[:9] == [
        "args",
        "when",
        "path",
        "cmc",
        "best",
        "counts",
        "lists",
        "colour",
        "large",
    ]
    assert names[-2:] == ["scores", "epochs"]
    for kind in ("args (argparse.Namespace)", "when (datetime.datetime)"):
        assert kind in left_out
    # Python 3.13 has it in pathlib._local
    assert f"path ({pathlib.PurePosixPath.__module__}.PurePosixPath)" in left_out
    assert any(name.startswith("colour (tests.weights.test_unpickler.Colour") for name in left_out)
    assert any(name.startswith("a key that is") for name in left_out)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (1, "version (posix|nt).system"),
        (2, "no state dict found"),
        (4, "keys is (posix|nt).system"),
    ],
)
def test_every_pickle_of_the_legacy_stream_is_read_alike(read, part, message):
    parts = [dumps(p) for p in (0x1950A86A20F9469CFC6C, 1001, {}, {}, [])]
    parts[part] = pickle.dumps(Dangerous(), 2)
    with pytest.raises(WeightsError, match=message):
        read(b"".join(parts))
    assert not Path("/tmp/osnet_tf_was_here").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("_rebuild_sparse_tensor", "sparse tensors are not supported"),
        ("_rebuild_qtensor", "quantised tensors are not supported"),
        ("_rebuild_nested_tensor", "nested tensors are not supported"),
        ("_rebuild_tensor_v2", "conjugated and negated views are not supported"),
    ],
)
def test_other_kinds_of_tensors_say_what_they_are(read, name, reason):
    conjugated = (STATE, 0, (6,), (1,), False, HOOKS, {"conj": True})
    odd = Name("torch._utils", name)(*(conjugated if name == "_rebuild_tensor_v2" else ()))
    with pytest.raises(WeightsError, match=rf"no state dict found: .*'x' \({reason}\)"):
        read(zip_bytes({"x": odd}, {}))
    with pytest.raises(WeightsError, match=rf"'x' cannot be read: {reason}"):
        read(zip_bytes({"w": tensor("0", (6,)), "x": odd}, {"0": FLOATS.tobytes()}))


STATE = storage("0", 6)
HOOKS = ordered_dict()
# (((), ()), ((), ())), ... 64 deep: small to build, takes for ever to hash or to print.
NESTED = b")" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(64))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        # allowed names with odd arguments
        (rebuild_v2(), "_rebuild_tensor_v2: called with 0 arguments"),
        (rebuild_v2("0", 0, (6,), (1,), False, HOOKS), "built on '0', not on a storage"),
        (rebuild_v2(STATE, -1, (6,), (1,), False, HOOKS), "storage offset of a tensor is -1"),
        (rebuild_v2(STATE, 2.0, (6,), (1,), False, HOOKS), "storage offset of a tensor is 2.0"),
        (rebuild_v2(STATE, True, (6,), (1,), False, HOOKS), "offset of a tensor is True"),
        (rebuild_v2(STATE, 0, (-6,), (1,), False, HOOKS), "the size of a tensor is not all"),
        (rebuild_v2(STATE, 0, (6,), (-1,), False, HOOKS), "the stride of a tensor is not all"),
        (rebuild_v2(STATE, 0, (6,), ("1",), False, HOOKS), "the stride of a tensor is not all"),
        (rebuild_v2(STATE, 0, 6, 1, False, HOOKS), "the size of a tensor is no tuple"),
        (rebuild_v2(STATE, 0, (1,) * 65, (1,) * 65, False, HOOKS), "no tuple of at most 64 sizes"),
        (rebuild_v2(STATE, 0, (2, 3), (1,), False, HOOKS), "2 sizes but 1 strides"),
        (Name("torch._utils", "_rebuild_parameter")({}, 1, 2), "Parameter is built on dict"),
        (
            Name("torch._utils", "_rebuild_tensor_v3")(STATE, 0, (6,), (1,), False, HOOKS, "f4"),
            "the dtype of a tensor is 'f4'",
        ),
        (ordered_dict(1), "OrderedDict is built on 1"),
        (ordered_dict([[1]]), "OrderedDict is built on an item list"),
        (Name("torch", "Size")("ab"), "the size of a tensor is no tuple"),
        (Name("torch", "Size")(), "torch.Size: called with 0 arguments"),
        # calls of what is no function, states for what takes none
        (Call(Name("torch", "FloatStorage"), (6,)), "torch.FloatStorage is called"),
        (Call(Name("torch", "float32"), ()), "torch.float32 is called"),
        (Name("torch", "Size")((1,), state={"a": 1}), "tuple is given the state dict"),
        (ordered_dict(state=[1]), "dict is given the state list"),
        # forged storages
        (Persistent("storage"), "a persistent id is tuple"),
        (Persistent("storage", "FloatStorage", "0", "cpu", 6), "described by 'FloatStorage'"),
        (Persistent("storage", *MARKED[:1], ["0"], "cpu", 6), "described by .* list"),
        (storage("0", -1), "a storage has -1 elements"),
        (storage("0", "6"), "a storage has '6' elements"),
        (storage("0", 6, "FloatStorage", ("v", 4, 3)), "a view reaches past the 6 elements"),
        (storage("0", 6, "FloatStorage", "view"), "a view of a storage is 'view'"),
        ([storage("0", 6), storage("0", 6, "LongStorage")], "the storage '0' has two types"),
    ],
)
def test_malformed_trees(read, container, tree, message):
    with pytest.raises(WeightsError, match=rf"X\.pth: malformed pickle at byte \d+: .*{message}"):
        read(container(tree, {"0": FLOATS.tobytes()}))


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"\x80\x02.", "too little on the stack"),
        (b"\x80\x02h\x05.", "too little on the stack or in the memo"),
        (b"\x80\x02R.", "too little"),
        (b"\x80\x02(t(t", "truncated"),
        (b"\x80\x02e.", "too little"),
        (b"\x80\x02K\x01\x87.", "too little"),
        (b"\x80\x02}(K\x01u.", "a key without a value"),
        (b"\x80\x02]K\x01K\x02s.", "an item is put into list"),
        (b"\x80\x02}K\x01a.", "an item is appended to dict"),
        (b"\x80\x04}(K\x01\x90.", "items are added to dict"),
        (b"\x80\x04K\x01K\x02\x93.", "a global is named by 1 and 2"),
        (b"\x80\x02ccollections\nOrderedDict\nK\x01R.", "called with 1 for its arguments"),
        (b"\x80\x09N.", "pickle protocol 9 is not known"),
        (b"\x80\x02\xff.", "byte 0xff is no opcode"),
        (b"\x80\x02cos", "a line has no end"),
        (b"\x80\x02X\xff\xff\xff\xffabc.", "truncated"),
        (b"\x80\x04\x8d" + b"\xff" * 8 + b"abc.", "truncated"),
        (b"\x80\x02\x8b\xff\xff\xff\xff\x01.", "truncated"),
        (b"\x80\x02X\x02\x00\x00\x00\xff\xfe.", "UnicodeDecodeError"),
        (b"\x80\x02Isix\n.", "ValueError"),
        (b"\x80\x02I" + b"9" * 5000 + b"\n.", "a line has no end"),
        (b"\x80\x02G\x00.", "truncated"),
    ],
)
def test_damaged_pickles(read, pickled, message):
    # As zip: in the stream the bytes of what follows would be taken for the rest of the pickle.
    with pytest.raises(WeightsError, match=rf"malformed pickle at byte \d+: .*{message}"):
        read(zip_bytes(pickled, {}))


def test_an_endless_pickle_is_given_up(read, monkeypatch):
    monkeypatch.setattr("osnet_tf.weights.unpickler.MAX_OPCODES", 1000)
    with pytest.raises(WeightsError, match="more than 1000 opcodes"):
        read(zip_bytes(b"\x80\x02" + b"(" * 2000, {}))


def test_memo_and_deep_nesting_cost_nothing(read):
    with pytest.raises(WeightsError, match="no state dict found"):
        read(zip_bytes(b"\x80\x02}X\x01\x00\x00\x00xr\xff\xff\xff\xffNs.", {}))
    with pytest.raises(WeightsError, match="holds list"):
        read(zip_bytes(b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".", {}))
    with pytest.raises(WeightsError, match="holds tuple"):
        read(zip_bytes(b"\x80\x02" + NESTED + b".", {}))
    itself = b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dicth\x00s."
    with pytest.raises(WeightsError, match="no state dict found"):
        read(zip_bytes(itself, {}))
