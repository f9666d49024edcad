"""The storages of `.pth` files: types, views, and storages that are not what the pickle says."""

import struct
import zipfile

import numpy as np
import pytest

from osnet_tf.weights import WeightsError
from tests.weights.handmade import FLOATS, Name, Persistent, dumps, legacy_bytes, tensor, zip_bytes


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
    with pytest.raises(WeightsError, match="byte order is 'middle'"):
        read(zip_bytes(state, storages, extra={"byteorder": "middle"}))


def test_views_of_storages_as_before_pytorch_0_4(read):
    where = Persistent("storage", Name("torch", "FloatStorage"), "1", "cpu", 6, ("2", 2, 3))
    rebuild = Name("torch._utils", "_rebuild_tensor")
    state = {"x": rebuild(where, 1, (2,), (1,))}
    result = read(legacy_bytes(state, {"1": FLOATS.tobytes()}))
    np.testing.assert_array_equal(result["x"], FLOATS[3:5], strict=True)
    state = {"x": rebuild(where, 2, (2,), (1,))}
    with pytest.raises(WeightsError, match="'x' reaches element 3 of a storage of 3"):
        read(legacy_bytes(state, {"1": FLOATS.tobytes()}))


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (tensor("0", (7,), numel=6), "'x' reaches element 6 of a storage of 6"),
        (tensor("0", (6,), offset=1, numel=6), "'x' reaches element 6 of a storage of 6"),
        (tensor("0", (2,), (6,), numel=6), "'x' reaches element 6 of a storage of 6"),
        (tensor("0", (2,), (2**62,), numel=6), "'x' reaches element 4611686018427387904 of"),
        (tensor("0", (1,), (1,), 2**200, numel=6), "'x' reaches element an integer of 201 bits"),
        (tensor("0", (2**40, 2**40), (0, 0), numel=6), "'x', 1099511627776 x .* repeats the 6"),
        (tensor("0", (10**9, 6), (0, 1), numel=6), "'x', 1000000000 x 6, repeats the 6 elements"),
        (tensor("0", (4000, 6), (0, 1), numel=6), "'x', 4000 x 6, repeats the 6 elements"),
        (tensor("0", (0, 2**70), (1, 1), numel=6), "'x' has an impossible size"),
        (tensor("0", (0, 2**62, 8), (1, 1, 1), numel=6), "'x' has an impossible size"),
    ],
)
def test_tensors_out_of_range(read, container, view, message):
    with pytest.raises(WeightsError, match=rf"X\.pth: .*({message})"):
        read(container({"x": view}, {"0": FLOATS.tobytes()}))


def test_missing_storages(read, container):
    state = {"x": tensor("0", (6,)), "y": tensor("1", (6,))}
    with pytest.raises(WeightsError, match=r"(storage '1'|entry 'archive/data/1') is missing"):
        read(container(state, {"0": FLOATS.tobytes()}))


def test_storages_of_another_size(read):
    state = {"x": tensor("0", (6,), numel=10**6)}
    with pytest.raises(WeightsError, match="'0' has 24 bytes where 1000000 elements of float32"):
        read(zip_bytes(state, {"0": FLOATS.tobytes()}))
    with pytest.raises(WeightsError, match="'0' has 24 bytes where"):
        read(legacy_bytes(state, {"0": FLOATS.tobytes()}))
    state = {"x": tensor("0", (6,)), "y": tensor("0", (3,))}
    with pytest.raises(WeightsError, match="'0' is described in two ways: 6 of float32 and 3"):
        read(zip_bytes(state, {"0": FLOATS.tobytes()}))


def test_the_legacy_stream_of_storages(read):
    state = {"x": tensor("0", (6,))}
    with pytest.raises(WeightsError, match="the storage '7' is used by no tensor"):
        read(legacy_bytes(state, {"0": FLOATS.tobytes(), "7": b""}))
    good = legacy_bytes(state, {"0": FLOATS.tobytes()})
    for numel in (7, 2**40, -1, -(2**63)):
        data = good[:-32] + struct.pack("<q", numel) + good[-24:]
        with pytest.raises(WeightsError, match="truncated: the storage '0' of"):
            read(data)
    with pytest.raises(WeightsError, match=r"magic number .*, version 1002"):
        read(good.replace(dumps(1001), dumps(1002), 1))
    keys = dumps(["0"])
    for forged, message in ((dumps("0"), "keys is '0'"), (dumps([1]), "keys is list")):
        with pytest.raises(WeightsError, match=message):
            read(good.replace(keys, forged))
    with pytest.raises(WeightsError, match="'0' is listed twice"):
        read(good.replace(keys, dumps(["0", "0"])))


def test_zip_bombs(read):
    zeros = bytes(10**7)
    state = {"x": tensor("0", (len(zeros) // 4,))}
    with pytest.raises(WeightsError, match=r"'archive/data.pkl' is compressed"):
        read(zip_bytes(state, {"0": zeros}, compression=zipfile.ZIP_DEFLATED))
    # Many names for one and the same stored entry.
    state = {str(i): tensor(str(i), (1000,)) for i in range(50)}
    data = bytearray(zip_bytes(state, {str(i): bytes(4000) for i in range(50)}))
    data = data.replace(b"archive/data/1", b"archive/data/0")
    with pytest.raises(WeightsError):
        read(bytes(data))


def test_a_claimed_size_larger_than_the_file(read):
    data = bytearray(zip_bytes({"x": tensor("0", (6,))}, {"0": FLOATS.tobytes()}))
    entry = data.rindex(b"archive/data/0")
    data[entry - 26 : entry - 18] = struct.pack("<II", 10**9, 10**9)
    with pytest.raises(WeightsError, match="'archive/data/0' is larger than the file"):
        read(bytes(data))


def test_wrong_checksums(read):
    data = zip_bytes({"x": tensor("0", (6,))}, {"0": FLOATS.tobytes()})
    damaged = data.replace(FLOATS.tobytes(), FLOATS[::-1].tobytes())
    with pytest.raises(WeightsError, match="'archive/data/0' is damaged: Bad CRC"):
        read(damaged)
