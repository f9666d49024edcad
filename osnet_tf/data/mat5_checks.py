"""Looks at a MATLAB file of version 5 before SciPy does, whose reader crashes on damaged ones.

Source: "MAT-File Format", The MathWorks, version 5.
"""

import math
import struct
import zlib
from collections.abc import Collection, Iterator

_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
_OPAQUE = 17  # objects and function handles, which have a header of their own
_COMPLEX = 0x0800
#: Type of an element -> bytes of one of its values.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_TEXTS = (1, 2, 3, 4, 16, 17, 18)
_MAX_BYTES = 2**29
_MAX_DEPTH = 8


def check_mat5(data: bytes, names: Collection[str]) -> set[str]:
    """Checks that variables of a file are what their descriptions say, down to the last byte.

    Args:
        data: the file.
        names: the variables to look into: numbers, texts, cells and structs; of others only the
            name is read.

    Returns:
        Those of `names` that are there.

    Raises ValueError for anything that SciPy would not survive, or that none of these is.
    """
    # SciPy takes a file with a zero among the first four bytes for one of version 4
    if len(data) < 128 or 0 in data[:4] or data[126:128] not in (b"IM", b"MI"):
        raise ValueError("it has no header of version 5")
    order = "<" if data[126:128] == b"IM" else ">"
    if struct.unpack_from(f"{order}H", data, 124)[0] != 0x0100:
        raise ValueError("it is of another version than 5")
    found = set()
    for content in _variables(data, order):
        head = _Reader(content(4096), order)
        name = head.header()[2]
        if name in found:
            raise ValueError(f"{name} is there twice")
        if name in names:
            body = _Reader(content(_MAX_BYTES), order)
            body.matrix_content(0)
            if len(body.data) - body.at >= 8:
                raise ValueError(f"{name} is longer than its content")
            found.add(name)
    return found


def _variables(data, order) -> Iterator:
    """For each variable a function that gives the first bytes of its content."""
    at = 128
    while at < len(data):
        kind, size = _unpack(f"{order}II", data, at)
        start, at = at + 8, at + 8 + size
        if at > len(data):
            raise ValueError("it ends early")
        if kind == _MATRIX:
            yield lambda most, start=start, at=at: data[start : min(at, start + most)]
        elif kind == _COMPRESSED:
            yield lambda most, start=start, at=at: _inflated(data[start:at], order, most)
        else:
            raise ValueError(f"an element of type {kind} is no variable")


def _inflated(packed, order, most):
    stream = zlib.decompressobj()
    content = stream.decompress(packed, most + 8)
    kind, size = _unpack(f"{order}II", content, 0)
    complete = stream.eof and not stream.unused_data
    if kind != _MATRIX or (most == _MAX_BYTES and not (complete and len(content) == size + 8)):
        raise ValueError("a compressed variable is damaged")
    return content[8:]


def _unpack(form, data, at):
    if at < 0 or at + struct.calcsize(form) > len(data):
        raise ValueError("it ends early")
    return struct.unpack_from(form, data, at)


class _Reader:
    """Walks over the content of one variable as SciPy does; `at` is where it stands."""

    def __init__(self, data, order):
        self.data, self.order, self.at = data, order, 0

    def element(self, kinds):
        """(type, bytes) of the next element, past which it walks, with what pads it to 8 bytes."""
        kind, size = _unpack(f"{self.order}II", self.data, self.at)
        small = kind >> 16
        if small:
            kind, size, start, end = kind & 0xFFFF, small, self.at + 4, self.at + 8
        else:
            start = self.at + 8
            end = start + size + -size % 8
        if kind not in kinds or (small and size > 4) or start + size > len(self.data):
            raise ValueError(f"an element of type {kind} with {size} bytes is out of place")
        self.at = min(end, len(self.data))
        return kind, self.data[start : start + size]

    def header(self):
        """(flags and class, dimensions, name)."""
        kind, size, flags, _ = _unpack(f"{self.order}4I", self.data, self.at)
        if (kind, size) != (6, 8):
            raise ValueError("an array has no flags")
        self.at += 16
        if flags & 0xFF == _OPAQUE:
            return flags, (), ""
        shape = self.element((5,))[1]
        if not 8 <= len(shape) <= 128 or len(shape) % 4:
            raise ValueError("an array has no dimensions")
        shape = _unpack(f"{self.order}{len(shape) // 4}i", shape, 0)
        if min(shape) < 0:
            raise ValueError(f"an array cannot have the dimensions {shape}")
        return flags, shape, self.element((1,))[1].decode("latin-1")

    def matrix_content(self, depth):
        flags, shape, _ = self.header()
        kind, count = flags & 0xFF, math.prod(shape)
        if count > _MAX_BYTES:
            raise ValueError(f"an array cannot have the dimensions {shape}")
        if kind == _CELL:
            self.matrices(count, depth)
        elif kind == _STRUCT:
            longest = self.element((5,))[1]
            longest = _unpack(f"{self.order}i", longest, 0)[0] if len(longest) == 4 else 0
            names = self.element((1,))[1]
            if not 0 < longest <= 64 or len(names) % longest:
                raise ValueError("a struct has no names of fields")
            self.matrices(count * (len(names) // longest), depth)
        elif kind == _CHAR:
            self.element(_TEXTS)
        elif kind in _NUMBERS:
            for _ in range(2 if flags & _COMPLEX else 1):
                of, values = self.element(_SIZES)
                if len(values) != count * _SIZES[of]:
                    raise ValueError(f"an array of {count} numbers has {len(values)} bytes")
        else:
            raise ValueError(f"an array of class {kind} is no numbers, text, cells or struct")

    def matrices(self, count, depth):
        if depth == _MAX_DEPTH or count * 8 > len(self.data) - self.at:
            raise ValueError("cells or fields are nested too deeply, or more than there are")
        for _ in range(count):
            kind, size = _unpack(f"{self.order}II", self.data, self.at)
            self.at += 8
            end = self.at + size
            if kind != _MATRIX or end > len(self.data):
                raise ValueError("a cell or field is no array")
            if size:
                self.matrix_content(depth + 1)
            if self.at != end:
                raise ValueError("a cell or field has another length than its content")
