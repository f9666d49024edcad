"""Pickles: every way to write a tensor, and everything that is refused."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osnet_tf.weights import CheckpointError, read_checkpoint
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


@pytest.mark.parametrize(
    ("pickled", "name"),
    [
        (pickle.dumps(Dangerous(), 2), "posix.system|nt.system"),
        (pickle.dumps({"state_dict": [Dangerous()]}, 4), "posix.system|nt.system"),
        (dumps({"x": Name("os", "system")("true")}), "os.system"),
        (dumps({"x": Name("builtins", "eval")("1")}, 4), "builtins.eval"),
        (dumps({"x": Name("__builtin__", "eval")("1")}), "builtins.eval"),
        (dumps({"x": Name("builtins", "getattr")(Name("torch", "Size"), "__new__")}, 4), "getattr"),
        (dumps(Name("torch._utils", "_rebuild_tensor_v2.__globals__"), 4), "__globals__"),
        (dumps(Name("torch.storage", "_load_from_bytes")(b"x"), 3), "_load_from_bytes"),
        (dumps(Name("torch", "load")("x")), "torch.load"),
        (dumps(Name("collections.OrderedDict", "fromkeys")("x"), 4), "OrderedDict.fromkeys"),
        (dumps(Name("numpy", "load")("x")), "numpy.load"),
        (dumps(Name("torchreid.models.osnet", "OSNet")()), "torchreid.models.osnet.OSNet"),
        (b"\x80\x02(ios\nsystem\n.", "os.system"),  # INST
        (b"\x80\x02(cos\nsystem\nX\x04\x00\x00\x00trueo.", "os.system"),  # OBJ
        (b"\x80\x02(ccollections\nOrderedDict\no.", "opcode OBJ"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "opcode NEWOBJ"),
        (b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "opcode NEWOBJ_EX"),
        (b"\x80\x02\x82\x01.", "opcode EXT1"),
        (b"\x80\x02P0\n.", "opcode PERSID"),
        (b"\x80\x05\x97.", "opcode NEXT_BUFFER"),
        (b"\x80\x02cos\x00\nsystem\n.", r"'os\\x00.system'"),
    ],
)
@pytest.mark.parametrize("wrap", [zip_bytes, legacy_bytes], ids=["zip", "legacy"])
def test_everything_else_is_refused_by_name(read, wrap, pickled, name):
    with pytest.raises(CheckpointError, match=rf"^refused to load .*({name}) from .*X\.pth: "):
        read(wrap(pickled, {}))
    assert not Path("/tmp/osnet_tf_was_here").exists()


@pytest.mark.parametrize("part", range(3))
def test_every_pickle_of_the_legacy_stream_is_guarded(read, part):
    parts = [dumps(p) for p in (0x1950A86A20F9469CFC6C, 1001, {}, {}, [])]
    parts[(1, 2, 4)[part]] = pickle.dumps(Dangerous(), 2)
    with pytest.raises(CheckpointError, match=r"refused to load (posix|nt)\.system"):
        read(b"".join(parts))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("_rebuild_sparse_tensor", "sparse tensors are not supported"),
        ("_rebuild_qtensor", "quantised tensors are not supported"),
        ("_rebuild_nested_tensor", "nested tensors are not supported"),
    ],
)
def test_other_kinds_of_tensors_say_what_they_are(read, name, reason):
    with pytest.raises(CheckpointError, match=rf"refused to load torch._utils.{name} .*{reason}"):
        read(zip_bytes({"x": Name("torch._utils", name)()}, {}))


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
        (rebuild_v2(STATE, 0, (6,), (1,), False, HOOKS, {"conj": True}), "conjugated"),
        (Name("torch._utils", "_rebuild_parameter")({}, 1, 2), "Parameter is built on dict"),
        (
            Name("torch._utils", "_rebuild_tensor_v3")(STATE, 0, (6,), (1,), False, HOOKS, "f4"),
            "the dtype of a tensor is 'f4'",
        ),
        (
            Name("torch._tensor", "_rebuild_from_type_v2")(
                Name("torch", "Size"), Name("torch", "Tensor"), (), {}
            ),
            "rebuilt by torch.Size",
        ),
        (
            Name("torch._tensor", "_rebuild_from_type_v2")(
                rebuild_v2, Name("torch", "Size"), (), 0
            ),
            "rebuilt as torch.Size",
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
        (Persistent("module", Name("torch", "Size"), "x.py", "source", 1), "a persistent id"),
        (Persistent("storage"), "a persistent id is tuple"),
        (Persistent("storage", "FloatStorage", "0", "cpu", 6), "described by 'FloatStorage'"),
        (Persistent("storage", *MARKED[:1], ["0"], "cpu", 6), "described by .* list"),
        (storage("0", -1), "a storage has -1 elements"),
        (storage("0", "6"), "a storage has '6' elements"),
        (storage("0", 6, "FloatStorage", ("v", 4, 3)), "a view reaches past the 6 elements"),
        (storage("0", 6, "FloatStorage", "view"), "a view of a storage is 'view'"),
        ([storage("0", 6), storage("0", 6, "LongStorage")], "the storage '0' has two types"),
        # keys
        (b"\x80\x02}" + NESTED + b"Ns.", "a key that is tuple"),
        (dumps({b"x": 1}, 3), "a key that is bytes"),
    ],
)
def test_malformed_trees(read, container, tree, message):
    with pytest.raises(
        CheckpointError, match=rf"X\.pth: malformed pickle at byte \d+: .*{message}"
    ):
        read(container(tree, {"0": FLOATS.tobytes()}))


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"\x80\x02.", "too little on the stack"),
        (b"\x80\x02h\x05.", "too little on the stack or in the memo"),
        (b"\x80\x02R.", "too little"),
        (b"\x80\x02ctorch\ndevice\n)R)R.", "torch.device is called"),
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
    with pytest.raises(CheckpointError, match=rf"malformed pickle at byte \d+: .*{message}"):
        read(zip_bytes(pickled, {}))


def test_an_endless_pickle_is_given_up(read, monkeypatch):
    monkeypatch.setattr("osnet_tf.weights.unpickler.MAX_OPCODES", 1000)
    with pytest.raises(CheckpointError, match="more than 1000 opcodes"):
        read(zip_bytes(b"\x80\x02" + b"(" * 2000, {}))


def test_memo_and_deep_nesting_cost_nothing(read):
    with pytest.raises(CheckpointError, match="no state dict found"):
        read(zip_bytes(b"\x80\x02}X\x01\x00\x00\x00xr\xff\xff\xff\xffNs.", {}))
    with pytest.raises(CheckpointError, match="holds list"):
        read(zip_bytes(b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".", {}))
    with pytest.raises(CheckpointError, match="holds tuple"):
        read(zip_bytes(b"\x80\x02" + NESTED + b".", {}))
    itself = b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dicth\x00s."
    with pytest.raises(CheckpointError, match="no state dict found under state_dict"):
        read(zip_bytes(itself, {}))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from([bytes([i]) for i in range(256)]), max_size=60).map(b"".join))
def test_random_pickles_give_a_checkpoint_error(tmp_path, opcodes):
    path = tmp_path / "X.pth"
    path.write_bytes(zip_bytes(b"\x80\x02" + opcodes + b".", {}))
    with pytest.raises(CheckpointError):
        read_checkpoint(path)
