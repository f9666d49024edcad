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
        (
            {"w": ("F8_E4M3", [24], [0, 24])},
            FLOATS.tobytes(),
            "'w' .* type 'F8_E4M3', which",
        ),
        ({"w": ("F32", [6], [0, 24]), "v": ("F32", [6], [0, 24])}, bytes(24), "overlap"),
        ({"w": ("F32", [1], [4, 8])}, bytes(8), "a hole at byte 0"),
    ],
)
def test_safetensors_that_break_the_format(read, entries, body, message):
    with pytest.raises(WeightsError, match=message):
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
    with pytest.raises(WeightsError, match=message):
        read(len(header).to_bytes(8, "little") + header)
    with pytest.raises(WeightsError, match="truncated"):
        read((len(header) + 1).to_bytes(8, "little") + header)
