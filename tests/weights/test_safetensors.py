import numpy as np
import pytest

from osnet_tf.weights import WeightsError
from tests.weights.handmade import FLOATS, LONGS, safetensors_bytes


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
    assert list(result) == ["b", "e", "h", "n", "w"]
    np.testing.assert_array_equal(result["w"], FLOATS.reshape(2, 3), strict=True)
    np.testing.assert_array_equal(result["n"], LONGS, strict=True)
    np.testing.assert_array_equal(result["b"], np.array([[1.5], [-3.25]], "f4"), strict=True)
    np.testing.assert_array_equal(result["h"], FLOATS, strict=True)
    np.testing.assert_array_equal(result["e"], np.zeros((0, 3), "f4"), strict=True)


GOOD = {"w": ("F32", [6], [0, 24])}


@pytest.mark.parametrize(
    ("entries", "body", "message"),
    [
        (GOOD, FLOATS.tobytes()[:-1], "not fully covered"),
        (GOOD, FLOATS.tobytes() + b"x", "not fully covered"),
        ({"w": ("F32", [7], [0, 24])}, FLOATS.tobytes(), "invalid shape, data type, or offset"),
        (
            {"w": ("F32", [2**40, 2**40], [0, 24])},
            FLOATS.tobytes(),
            "overflow computing buffer size",
        ),
        ({"w": ("F32", [1] * 99, [0, 4])}, bytes(4), "'w'.*dim"),
        ({"w": ("F32", [6], [24, 0])}, FLOATS.tobytes(), "invalid offset for tensor `w`"),
        ({"w": ("F32", [-6], [0, 24])}, FLOATS.tobytes(), "integer `-6`"),
        ({"w": ("F32", [6.0], [0, 24])}, FLOATS.tobytes(), "floating point `6.0`"),
        ({"w": ("F32", [6], [0])}, FLOATS.tobytes(), "invalid length 1"),
        ({"w": (["F32"], [6], [0, 24])}, FLOATS.tobytes(), "invalid type: sequence"),
        ({"w": {"dtype": "F32"}}, FLOATS.tobytes(), "missing field `shape`"),
        ({"w": 3}, FLOATS.tobytes(), "invalid type: integer `3`"),
        (
            {"w": ("F8_E4M3", [24], [0, 24])},
            FLOATS.tobytes(),
            "'w' .* type 'F8_E4M3', which",
        ),
        ({"w": ("F32", [6], [0, 24]), "v": ("F32", [6], [0, 24])}, bytes(24), "invalid offset"),
        ({"w": ("F32", [1], [4, 8])}, bytes(8), "invalid offset for tensor `w`"),
    ],
)
def test_safetensors_that_break_the_format(read, entries, body, message):
    with pytest.raises(WeightsError, match=message):
        read(safetensors_bytes(entries, body))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b'{"w":', "damaged safetensors file: invalid JSON"),
        (b'{"a":1}', "invalid type: integer"),
        (b'{"a":\xff}', "invalid UTF-8 in header"),
        (b'{"a":' + b"[" * 100_000, "recursion limit exceeded"),
    ],
)
def test_safetensors_headers(read, header, message):
    with pytest.raises(WeightsError, match=message):
        read(len(header).to_bytes(8, "little") + header)
    with pytest.raises(WeightsError, match="invalid header length"):
        read((len(header) + 1).to_bytes(8, "little") + header)


def test_a_key_twice_is_never_two_tensors(read):
    """The same bytes under one name, twice, are one tensor; others are refused."""
    entry = '"w":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'

    def file(*spans):
        header = ("{" + ",".join(entry % span for span in spans) + "}").encode()
        return len(header).to_bytes(8, "little") + header + bytes(spans[-1][1])

    assert read(file((0, 4), (0, 4)), "x.safetensors")["w"].tolist() == [0.0]
    with pytest.raises(WeightsError, match="invalid offset for tensor `w`"):
        read(file((0, 4), (4, 8)), "x.safetensors")
