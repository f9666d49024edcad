"""MATLAB's files: what is in good ones, and the name of every damaged one."""

import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

from osnet_tf.data.mat5_checks import check_mat5
from osnet_tf.data.mat_files import cells, hdf5_items, numbers, read_mat, whole_numbers
from osnet_tf.errors import FileError, NotFoundError

VALUES = {
    "numbers": np.arange(6, dtype="u2").reshape(2, 3),
    "complex": np.array([1 + 2j, 3.0]),
    "text": "person",
    "cells": np.array(["a.jpg", "bb.jpg"], object),
    "struct": {"x": 1.5, "inner": {"y": np.array([1, 2])}},
    "empty": np.zeros((0, 3)),
    "flags": np.array([True, False]),
}


@pytest.mark.parametrize("compressed", [False, True])
def test_good_files(tmp_path, compressed):
    path = tmp_path / "good.mat"
    scipy.io.savemat(path, VALUES, do_compression=compressed)
    found = read_mat(path, (*VALUES, "other"))
    assert found.keys() == VALUES.keys()
    for name in ("numbers", "complex", "flags"):
        np.testing.assert_array_equal(found[name], VALUES[name])
    assert found["text"] == "person"
    assert found["cells"].tolist() == ["a.jpg", "bb.jpg"]
    assert found["struct"].inner.y.tolist() == [1, 2]
    assert read_mat(path, ("text",)) == {"text": "person"}
    assert read_mat(path, ()) == {}


def element(kind, content, order="<"):
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(kind, shape, *rest, name=b"x", order="<"):
    content = element(6, struct.pack(f"{order}II", kind, 0), order)
    content += element(5, struct.pack(f"{order}{len(shape)}i", *shape), order)
    return element(14, content + element(1, name, order) + b"".join(rest), order)


def file_of(*variables, order="<", version=0x0100):
    mark = b"IM" if order == "<" else b"MI"
    return (
        b"MATLAB 5.0 MAT-file".ljust(124)
        + struct.pack(f"{order}H", version)
        + mark
        + b"".join(variables)
    )


TWO = element(9, struct.pack("<2d", 1.0, 2.0))
DOUBLE, CELL, STRUCT = 6, 1, 2


def test_either_order_of_bytes(tmp_path):
    for order in "<>":
        values = element(9, struct.pack(f"{order}2d", 1.0, 2.0), order)
        data = file_of(matrix(DOUBLE, (1, 2), values, order=order), order=order)
        (tmp_path / "a.mat").write_bytes(data)
        assert read_mat(tmp_path / "a.mat", "x")["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no header of version 5"),
        (bytes(124) + file_of()[124:], "no header of version 5"),
        (file_of(version=0x0200), "another version than 5"),
        (file_of(matrix(DOUBLE, (1, 2), TWO))[:-1], "ends early"),
        (file_of(element(9, bytes(8))), "an element of type 9 is no variable"),
        (file_of(matrix(DOUBLE, (1, 2), TWO), matrix(DOUBLE, (1, 2), TWO)), "x is there twice"),
        (file_of(matrix(DOUBLE, (1, 3), TWO)), "an array of 3 numbers has 16 bytes"),
        (file_of(matrix(DOUBLE, (1, 2))), "ends early"),
        (file_of(matrix(DOUBLE, (1, 2), TWO, TWO)), "x is longer than its content"),
        (file_of(matrix(DOUBLE, (1, 2), element(40, bytes(16)))), "type 40 with 16 bytes"),
        (file_of(matrix(DOUBLE, (-1, 2), TWO)), r"cannot have the dimensions \(-1, 2\)"),
        (file_of(matrix(DOUBLE, (2**30, 2**30), TWO)), "cannot have the dimensions"),
        (file_of(matrix(DOUBLE, (2,), TWO)), "has no dimensions"),
        (file_of(matrix(5, (1, 2), TWO)), "class 5 is no numbers, text, cells or struct"),
        (file_of(matrix(CELL, (1, 1), TWO)), "a cell or field is no array"),
        (file_of(matrix(CELL, (1, 9), matrix(DOUBLE, (1, 2), TWO))), "it ends early"),
        (file_of(matrix(CELL, (1, 99))), "more than there are"),
        (
            file_of(matrix(CELL, (1, 1), matrix(DOUBLE, (1, 2), TWO, TWO))),
            "another length than its content",
        ),
        (file_of(matrix(STRUCT, (1, 1), element(5, bytes(4)), element(1, b"f"))), "no names of f"),
        (file_of(element(15, zlib.compress(matrix(DOUBLE, (1, 2), TWO))[:-9])), "is damaged"),
        (file_of(element(15, b"not compressed")), "incorrect header check"),
    ],
)
def test_damaged_files_are_named(tmp_path, data, message):
    path = tmp_path / "damaged.mat"
    path.write_bytes(data)
    with pytest.raises(
        FileError, match=rf"damaged\.mat cannot be read as a \.mat file: .*{message}"
    ):
        read_mat(path, ("x",))


def test_cells_too_deep():
    nested = matrix(DOUBLE, (1, 2), TWO)
    for _ in range(9):
        nested = matrix(CELL, (1, 1), nested)
    with pytest.raises(ValueError, match="nested too deeply"):
        check_mat5(file_of(nested), "x")
    assert check_mat5(file_of(nested), "y") == set()  # what is not asked for is not looked into


def test_what_else_a_file_holds_does_not_matter(tmp_path):
    opaque = element(14, element(6, struct.pack("<II", 17, 0)) + element(1, b"handle") + TWO)
    others = (opaque, opaque, matrix(5, (1, 2), TWO, name=b"sparse"))
    (tmp_path / "a.mat").write_bytes(file_of(*others, matrix(DOUBLE, (1, 2), TWO), others[2]))
    assert read_mat(tmp_path / "a.mat", ("x",))["x"].tolist() == [1.0, 2.0]


def test_what_is_no_file(tmp_path):
    with pytest.raises(NotFoundError, match=r"missing\.mat"):
        read_mat(tmp_path / "missing.mat", ("x",))
    with pytest.raises(FileError, match="/dev/zero is a device"):
        read_mat("/dev/zero", ("x",))


def test_whole_numbers():
    assert whole_numbers(np.array([[3], [1]], "u1"), "a.mat", "x", 1, 3) == [3, 1]
    assert whole_numbers(7.0, "a.mat", "x", 1, 9) == [7]
    for values in ([0], [4], [1.5], [np.nan], ["a"], [[1], [None]], np.array([{}])):
        with pytest.raises(FileError, match=r"a\.mat must hold whole numbers from 1 to 3 in x"):
            whole_numbers(np.array(values, object), "a.mat", "x", 1, 3)


def test_hdf5(tmp_path):
    path = tmp_path / "new.mat"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(6.0).reshape(2, 3)
        file["cells"] = np.array([[file["x"].ref]], h5py.ref_dtype)
        elsewhere = [(str(path), 0, 8)]
        file.create_dataset("elsewhere", (1,), "f8", external=elsewhere)

    def one(read):
        return next(hdf5_items(path, lambda file: iter([read(file)])))

    np.testing.assert_array_equal(
        one(lambda file: numbers(file, cells(file, "cells")[0, 0], "f", 6)),
        np.arange(6.0).reshape(2, 3).T,
    )
    for read, message in (
        (lambda file: numbers(file, "x", "u", 6), "/x must be an array of at most 6 numbers"),
        (lambda file: numbers(file, "x", "f", 5), "at most 5 numbers"),
        (lambda file: numbers(file, "elsewhere", "f", 5), "/elsewhere must be an array"),
        (lambda file: cells(file, "x"), "/x must be a cell array"),
        (lambda file: file["y"], "doesn't exist|not found"),
    ):
        with pytest.raises(FileError, match=rf"new\.mat is damaged, or no such .*({message})"):
            one(read)
    path.write_bytes(b"x" * 600)
    with pytest.raises(FileError, match=r"new\.mat is damaged"):
        one(len)
