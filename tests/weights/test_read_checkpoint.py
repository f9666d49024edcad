"""The reader on files made by hand: runs without PyTorch."""

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osnet_tf.weights import CheckpointError, read_checkpoint
from tests.weights.handmade import (
    Call,
    Name,
    Persistent,
    dumps,
    legacy_bytes,
    ordered_dict,
    rebuild_v2,
    safetensors_bytes,
    storage,
    tensor,
    zip_bytes,
)

LONG = "LongStorage"
FLOATS = np.arange(6, dtype="<f4") - 2.5
LONGS = np.array([7, -3], dtype="<i8")


@pytest.fixture
def read(tmp_path):
    """Reads a checkpoint from its bytes."""

    def read(data, name="X.pth"):
        path = tmp_path / name
        path.write_bytes(data)
        return read_checkpoint(path)

    return read


@pytest.fixture(params=[zip_bytes, legacy_bytes], ids=["zip", "legacy"])
def container(request):
    return request.param


def test_a_state_dict_comes_back_in_order(read, container):
    state = {"b.weight": tensor("0", (2, 3)), "a.bias": tensor("0", (6,))}
    result = read(container(state, {"0": FLOATS.tobytes()}))
    assert list(result) == ["b.weight", "a.bias"]
    np.testing.assert_array_equal(result["b.weight"], FLOATS.reshape(2, 3), strict=True)
    np.testing.assert_array_equal(result["a.bias"], FLOATS, strict=True)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol(read, protocol):
    state = {"w": tensor("0", (2, 3)), "again": tensor("0", (6,))}
    result = read(zip_bytes(state, {"0": FLOATS.tobytes()}, protocol=protocol))
    np.testing.assert_array_equal(result["w"], FLOATS.reshape(2, 3))


def test_strides_and_offsets(read, container):
    state = {
        "transposed": tensor("0", (3, 2), (1, 3), numel=6),
        "every second": tensor("0", (2,), (2,), offset=1, numel=6),
        "expanded": tensor("0", (2, 4), (3, 0), offset=2, numel=6),
        "one": tensor("0", (1, 1), (2**70, 2**70), offset=5, numel=6),
        "empty": tensor("0", (2, 0), (9, 9), offset=99, numel=6),
        "scalar": tensor("0", (), (), offset=3, numel=6),
    }
    result = read(container(state, {"0": FLOATS.tobytes()}))
    table = FLOATS.reshape(2, 3)
    np.testing.assert_array_equal(result["transposed"], table.T)
    np.testing.assert_array_equal(result["every second"], FLOATS[[1, 3]])
    np.testing.assert_array_equal(result["expanded"], np.repeat(FLOATS[[2, 5]][:, None], 4, 1))
    np.testing.assert_array_equal(result["one"], FLOATS[5:].reshape(1, 1))
    np.testing.assert_array_equal(result["empty"], np.zeros((2, 0), "f4"), strict=True)
    np.testing.assert_array_equal(result["scalar"], FLOATS[3], strict=True)
    assert np.shares_memory(result["transposed"], result["every second"])
    assert not any(array.flags.writeable for array in result.values() if array.size)


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("DoubleStorage", "<f8", np.array([0.1, -2], "f8")),
        ("HalfStorage", "<f2", np.array([0.5, -2], "f4")),
        ("LongStorage", "<i8", np.array([5, -2], "i8")),
        ("IntStorage", "<i4", np.array([5, -2], "i4")),
        ("ShortStorage", "<i2", np.array([5, -2], "i2")),
        ("CharStorage", "i1", np.array([5, -2], "i1")),
        ("ByteStorage", "u1", np.array([5, 250], "u1")),
        ("BoolStorage", "u1", np.array([True, False])),
        ("ComplexFloatStorage", "<c8", np.array([1 + 2j, -1j], "c8")),
    ],
)
def test_types(read, container, kind, raw, expected):
    content = expected.astype(raw)
    options = {} if container is zip_bytes else {"itemsize": content.itemsize}
    data = container({"x": tensor("0", (2,), kind=kind)}, {"0": content.tobytes()}, **options)
    np.testing.assert_array_equal(read(data)["x"], expected, strict=True)


def test_bfloat16_is_the_upper_half_of_float32(read):
    exact = np.array([1.5, -3.25, np.inf, 2**-130], "<f4")
    upper = exact.tobytes()
    upper = b"".join(upper[i + 2 : i + 4] for i in range(0, len(upper), 4))
    result = read(zip_bytes({"x": tensor("0", (4,), kind="BFloat16Storage")}, {"0": upper}))
    np.testing.assert_array_equal(result["x"], exact, strict=True)


def test_big_endian_archives(read):
    state = {"x": tensor("0", (6,)), "h": tensor("1", (2,), kind="BFloat16Storage")}
    storages = {"0": FLOATS.astype(">f4").tobytes(), "1": b"\x3f\xc0\xc0\x50"}
    result = read(zip_bytes(state, storages, extra={"byteorder": "big"}))
    np.testing.assert_array_equal(result["x"], FLOATS, strict=True)
    np.testing.assert_array_equal(result["h"], np.array([1.5, -3.25], "f4"), strict=True)
    with pytest.raises(CheckpointError, match="byte order is 'middle'"):
        read(zip_bytes(state, storages, extra={"byteorder": "middle"}))


def test_views_of_storages_as_before_pytorch_0_4(read):
    where = Persistent("storage", Name("torch", "FloatStorage"), "1", "cpu", 6, ("2", 2, 3))
    rebuild = Name("torch._utils", "_rebuild_tensor")
    state = {"x": rebuild(where, 1, (2,), (1,))}
    result = read(legacy_bytes(state, {"1": FLOATS.tobytes()}))
    np.testing.assert_array_equal(result["x"], FLOATS[3:5], strict=True)
    state = {"x": rebuild(where, 2, (2,), (1,))}
    with pytest.raises(CheckpointError, match="'x' reaches element 3 of a storage of 3"):
        read(legacy_bytes(state, {"1": FLOATS.tobytes()}))


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


def numpy_scalar():
    dtype = Name("numpy", "dtype")("f4", False, True, state=(3, "<", None, None, None, -1, -1, 0))
    raw = Name("_codecs", "encode")("\x00\x00\x00?", "latin1")
    return Name("numpy.core.multiarray", "scalar")(dtype, raw)


def training_checkpoint(**more):
    return {
        "state_dict": {"module.w": tensor("0", (2, 3)), "module.n": tensor("1", (), kind=LONG)},
        "epoch": 60,
        "rank1": numpy_scalar(),
        "optimizer": {
            "state": {0: {"step": 3, "exp_avg": tensor("9", (2, 3))}},
            "param_groups": [{"lr": 1e-3, "params": [0], "amsgrad": True}],
        },
        "scheduler": {"milestones": Name("collections", "Counter")({20: 1, 40: 1})},
        "device": Name("torch", "device")("cuda", 0),
        "ids": Name("__builtin__", "set")([1, 2]),
        "size": Name("torch", "Size")((2, 3)),
        **more,
    }


def test_training_checkpoints_without_prefix_and_optimiser(read):
    storages = {"0": FLOATS.tobytes(), "1": LONGS[:1].tobytes()}
    # The optimiser's storage "9" is missing, which nobody notices: it is not read.
    result = read(zip_bytes(training_checkpoint(), storages))
    assert list(result) == ["w", "n"]
    np.testing.assert_array_equal(result["w"], FLOATS.reshape(2, 3), strict=True)
    np.testing.assert_array_equal(result["n"], np.int64(7), strict=True)


@pytest.mark.parametrize("name", ["model", "net", "network", "model_state_dict"])
def test_other_wrappers(read, name):
    tree = {name: {"w": tensor("0", (6,))}, "epoch": 3, "args": {"lr": 0.1}}
    assert list(read(zip_bytes(tree, {"0": FLOATS.tobytes()}))) == ["w"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"model": {"w": tensor("0", (6,))}, "net": {"v": tensor("0", (6,))}}, "model, net"),
        ({"epoch": 3, "loss": 0.5}, r"no state dict found: not tensors: 'epoch' \(3\), 'loss'"),
        ({"w": tensor("0", (6,)), "epoch": 3}, r"not tensors: 'epoch' \(3\)"),
        ({"state_dict": {"w": tensor("0", (6,)), "v": [1]}}, r"under state_dict.*'v' \(list\)"),
        ({"state_dict": {}}, "no state dict found"),
        ({}, "no state dict found: empty"),
        ([tensor("0", (6,))], "holds list, not a state dict"),
        (tensor("0", (6,)), "holds a tensor, not a state dict"),
        ({3: tensor("0", (6,))}, r"not tensors: 3 \(a tensor\)"),
        ({"module.w": tensor("0", (6,)), "w": tensor("0", (6,))}, "'w' is there twice"),
    ],
)
def test_what_is_no_single_state_dict(read, tree, message):
    with pytest.raises(CheckpointError, match=rf"X\.pth: .*{message}"):
        read(zip_bytes(tree, {"0": FLOATS.tobytes()}))


# Pickles that want to do something.


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


# Storages that are not what the pickle says.


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (tensor("0", (7,), numel=6), "'x' reaches element 6 of a storage of 6"),
        (tensor("0", (6,), offset=1, numel=6), "'x' reaches element 6 of a storage of 6"),
        (tensor("0", (2,), (6,), numel=6), "'x' reaches element 6 of a storage of 6"),
        (tensor("0", (2,), (2**62,), numel=6), "'x' reaches element 4611686018427387904 of"),
        (tensor("0", (1,), (1,), 2**200, numel=6), "'x' reaches element an integer of 201 bits"),
        (tensor("0", (2**40, 2**40), (0, 0), numel=6), "'x' has an impossible size"),
        (tensor("0", (0, 2**70), (1, 1), numel=6), "'x' has an impossible size"),
        (tensor("0", (0, 2**62, 8), (1, 1, 1), numel=6), "'x' has an impossible size"),
    ],
)
def test_tensors_out_of_range(read, container, view, message):
    with pytest.raises(CheckpointError, match=rf"X\.pth: .*({message})"):
        read(container({"x": view}, {"0": FLOATS.tobytes()}))


def test_a_huge_expanded_tensor_takes_no_memory(read, container):
    state = {"x": tensor("0", (10**9, 6), (0, 1), numel=6)}
    result = read(container(state, {"0": FLOATS.tobytes()}))
    assert result["x"].shape == (10**9, 6)
    np.testing.assert_array_equal(result["x"][-1], FLOATS)


def test_missing_storages(read, container):
    state = {"x": tensor("0", (6,)), "y": tensor("1", (6,))}
    with pytest.raises(CheckpointError, match=r"(storage '1'|entry 'archive/data/1') is missing"):
        read(container(state, {"0": FLOATS.tobytes()}))


def test_storages_of_another_size(read):
    state = {"x": tensor("0", (6,), numel=10**6)}
    with pytest.raises(CheckpointError, match="'0' has 24 bytes where 1000000 elements of float32"):
        read(zip_bytes(state, {"0": FLOATS.tobytes()}))
    with pytest.raises(CheckpointError, match="'0' has 24 bytes where"):
        read(legacy_bytes(state, {"0": FLOATS.tobytes()}))
    state = {"x": tensor("0", (6,)), "y": tensor("0", (3,))}
    with pytest.raises(CheckpointError, match="'0' is described in two ways: 6 of float32 and 3"):
        read(zip_bytes(state, {"0": FLOATS.tobytes()}))


def test_the_legacy_stream_of_storages(read):
    state = {"x": tensor("0", (6,))}
    with pytest.raises(CheckpointError, match="the storage '7' is used by no tensor"):
        read(legacy_bytes(state, {"0": FLOATS.tobytes(), "7": b""}))
    good = legacy_bytes(state, {"0": FLOATS.tobytes()})
    for numel in (7, 2**40, -1, -(2**63)):
        data = good[:-32] + struct.pack("<q", numel) + good[-24:]
        with pytest.raises(CheckpointError, match="truncated: the storage '0' of"):
            read(data)
    with pytest.raises(CheckpointError, match=r"magic number .*, version 1002"):
        read(good.replace(dumps(1001), dumps(1002), 1))
    keys = dumps(["0"])
    for forged, message in ((dumps("0"), "keys is '0'"), (dumps([1]), "keys is list")):
        with pytest.raises(CheckpointError, match=message):
            read(good.replace(keys, forged))
    with pytest.raises(CheckpointError, match="'0' is listed twice"):
        read(good.replace(keys, dumps(["0", "0"])))


def test_zip_bombs(read):
    zeros = bytes(10**7)
    state = {"x": tensor("0", (len(zeros) // 4,))}
    with pytest.raises(CheckpointError, match=r"'archive/data.pkl' is compressed"):
        read(zip_bytes(state, {"0": zeros}, compression=zipfile.ZIP_DEFLATED))
    # Many names for one and the same stored entry.
    state = {str(i): tensor(str(i), (1000,)) for i in range(50)}
    data = bytearray(zip_bytes(state, {str(i): bytes(4000) for i in range(50)}))
    data = data.replace(b"archive/data/1", b"archive/data/0")
    with pytest.raises(CheckpointError):
        read(bytes(data))


def test_a_claimed_size_larger_than_the_file(read):
    data = bytearray(zip_bytes({"x": tensor("0", (6,))}, {"0": FLOATS.tobytes()}))
    entry = data.rindex(b"archive/data/0")
    data[entry - 26 : entry - 18] = struct.pack("<II", 10**9, 10**9)
    with pytest.raises(CheckpointError, match="'archive/data/0' is larger than the file"):
        read(bytes(data))


def test_wrong_checksums(read):
    data = zip_bytes({"x": tensor("0", (6,))}, {"0": FLOATS.tobytes()})
    damaged = data.replace(FLOATS.tobytes(), FLOATS[::-1].tobytes())
    with pytest.raises(CheckpointError, match="'archive/data/0' is damaged: Bad CRC"):
        read(damaged)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "begins with"),
        (zip_bytes(dumps({}), {}, name="a/b"), "0 data.pkl in it"),
        (zip_bytes(dumps({}), {}, extra={"constants.pkl": b""}), "a TorchScript archive"),
        (b"PK\x03\x04" + bytes(50), "truncated or damaged zip archive"),
    ],
)
def test_what_is_no_checkpoint(read, data, message):
    with pytest.raises(CheckpointError, match=rf"X\.pth: .*{message}"):
        read(data)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("name", "classes"), [("osnet_x0_25_imagenet.pth", 1000), ("osnet_x0_25_market1501.pth", 751)]
)
def test_the_authors_own_files(name, classes):
    path = Path(__file__).parents[2].parent / "shared" / "weights" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    state = read_checkpoint(path)
    assert len(state) == 567
    assert next(iter(state)) == "conv1.conv.weight"
    assert state["classifier.weight"].shape == (classes, 512)
    variances = [array for key, array in state.items() if key.endswith("running_var")]
    assert len(variances) == 80
    assert all(np.all(variance >= 0) for variance in variances)


# safetensors


def test_safetensors(read):
    upper = np.array([1.5, -3.25], "<f4").view("<u2")[1::2]
    body = FLOATS.tobytes() + LONGS.tobytes() + upper.tobytes() + FLOATS.astype("<f2").tobytes()
    entries = {
        "__metadata__": {"format": "pt"},
        "module.w": ("F32", [2, 3], [0, 24]),
        "module.n": ("I64", [2], [24, 40]),
        "module.b": ("BF16", [2, 1], [40, 44]),
        "module.h": ("F16", [6], [44, 56]),
        "module.e": ("F32", [0, 3], [56, 56]),
    }
    result = read(safetensors_bytes(entries, body), "x.safetensors")
    assert list(result) == ["w", "n", "b", "h", "e"]
    np.testing.assert_array_equal(result["w"], FLOATS.reshape(2, 3), strict=True)
    np.testing.assert_array_equal(result["n"], LONGS, strict=True)
    np.testing.assert_array_equal(result["b"], np.array([[1.5], [-3.25]], "f4"), strict=True)
    np.testing.assert_array_equal(result["h"], FLOATS, strict=True)
    np.testing.assert_array_equal(result["e"], np.zeros((0, 3), "f4"), strict=True)


GOOD = {"w": ("F32", [6], [0, 24])}


@pytest.mark.parametrize(
    ("entries", "body", "message"),
    [
        (GOOD, FLOATS.tobytes()[:-1], r"'w' lies at 0..24 of 23 bytes"),
        (GOOD, FLOATS.tobytes() + b"x", "1 bytes belong to no tensor"),
        ({"w": ("F32", [7], [0, 24])}, FLOATS.tobytes(), "needs 28"),
        ({"w": ("F32", [2**40, 2**40], [0, 24])}, FLOATS.tobytes(), "needs an integer of"),
        ({"w": ("F32", [1] * 99, [0, 4])}, bytes(4), "'w'.*dim"),
        ({"w": ("F32", [6], [24, 0])}, FLOATS.tobytes(), "lies at 24..0"),
        ({"w": ("F32", [-6], [0, 24])}, FLOATS.tobytes(), "not described"),
        ({"w": ("F32", [6.0], [0, 24])}, FLOATS.tobytes(), "not described"),
        ({"w": ("F32", [6], [0])}, FLOATS.tobytes(), "not described"),
        ({"w": (["F32"], [6], [0, 24])}, FLOATS.tobytes(), "not described"),
        ({"w": {"dtype": "F32"}}, FLOATS.tobytes(), "not described"),
        ({"w": 3}, FLOATS.tobytes(), "not described"),
        ({"w": ("F8_E4M3", [24], [0, 24])}, FLOATS.tobytes(), "refused to load 'w' .*F8_E4M3"),
        ({"w": ("F32", [6], [0, 24]), "v": ("F32", [6], [0, 24])}, bytes(24), "overlap"),
        ({"w": ("F32", [1], [4, 8])}, bytes(8), "a hole at byte 0"),
    ],
)
def test_safetensors_that_break_the_format(read, entries, body, message):
    with pytest.raises(CheckpointError, match=message):
        read(safetensors_bytes(entries, body))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b'{"w":', "damaged safetensors header"),
        (b'{"a":1,"a":1}', "a key appears twice"),
        (b'{"a":\xff}', "damaged safetensors header"),
        (b'{"a":' + b"[" * 100_000, "damaged safetensors header"),
    ],
)
def test_safetensors_headers(read, header, message):
    with pytest.raises(CheckpointError, match=message):
        read(len(header).to_bytes(8, "little") + header)
    with pytest.raises(CheckpointError, match="truncated"):
        read((len(header) + 1).to_bytes(8, "little") + header)


# Damage anywhere.

SAMPLES = {
    "zip": zip_bytes(
        training_checkpoint(),
        {"0": FLOATS.tobytes(), "1": LONGS[:1].tobytes(), "9": FLOATS.tobytes()},
        extra={"byteorder": "little"},
    ),
    "legacy": legacy_bytes(
        {
            "state_dict": {"w": tensor("0", (3, 2), (1, 3), numel=6), "v": tensor("1", (3,))},
            "rank1": numpy_scalar(),
            "big": 2**70,
        },
        {"0": FLOATS.tobytes(), "1": FLOATS[:3].tobytes()},
    ),
    "safetensors": safetensors_bytes(GOOD, FLOATS.tobytes()),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_truncated_anywhere(tmp_path, kind):
    path = tmp_path / "X.pth"
    data = SAMPLES[kind]
    path.write_bytes(data)
    assert "w" in read_checkpoint(path)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=r"X\.pth"):
            read_checkpoint(path)


@pytest.mark.parametrize("kind", SAMPLES)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_flipped_bytes_give_a_checkpoint_error_or_a_state_dict(tmp_path, kind, data):
    damaged = bytearray(SAMPLES[kind])
    flips = st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(flips, min_size=1, max_size=4)):
        damaged[position] = value
    path = tmp_path / "X.pth"
    path.write_bytes(damaged)
    try:
        state = read_checkpoint(path)
    except CheckpointError:
        return
    assert all(isinstance(array, np.ndarray) for array in state.values())


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from([bytes([i]) for i in range(256)]), max_size=60).map(b"".join))
def test_random_pickles_give_a_checkpoint_error(tmp_path, opcodes):
    path = tmp_path / "X.pth"
    path.write_bytes(zip_bytes(b"\x80\x02" + opcodes + b".", {}))
    with pytest.raises(CheckpointError):
        read_checkpoint(path)
