"""Checkpoint files made by hand: PyTorch's layouts out of pickle and zipfile alone."""

import io
import json
import math
import pickle
import zipfile

import numpy as np

FLOATS = np.arange(6, dtype="<f4") - 2.5
LONGS = np.array([7, -3], dtype="<i8")
MAGIC = 0x1950A86A20F9469CFC6C


class Name:
    """Pickles as the global `module.name`, whether there is such a thing or not."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, *args, state=None):
        return Call(self, args, state)


class Call:
    """Pickles as `function(*args)`, followed by BUILD if there is a state."""

    def __init__(self, function, args, state=None):
        self.function, self.args, self.state = function, args, state

    def __reduce__(self):
        return (self.function, self.args, self.state)


class Persistent:
    """Pickles as a persistent id."""

    def __init__(self, *pid):
        self.pid = pid


class _Pickler(pickle._Pickler):
    def save_name(self, name):
        if self.proto >= 4:
            self.save(name.module)
            self.save(name.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{name.module}\n{name.name}\n".encode())
        self.memoize(name)

    dispatch = {**pickle._Pickler.dispatch, Name: save_name}  # noqa: RUF012

    def persistent_id(self, value):
        return value.pid if isinstance(value, Persistent) else None


def dumps(tree, protocol=2):
    out = io.BytesIO()
    _Pickler(out, protocol).dump(tree)
    return out.getvalue()


ordered_dict = Name("collections", "OrderedDict")
rebuild_v2 = Name("torch._utils", "_rebuild_tensor_v2")


def storage(key, numel, kind="FloatStorage", *view):
    return Persistent("storage", Name("torch", kind), key, "cpu", numel, *view)


def tensor(key, shape, strides=None, offset=0, numel=None, kind="FloatStorage"):
    if strides is None:
        strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    where = storage(key, math.prod(shape) if numel is None else numel, kind)
    return rebuild_v2(where, offset, shape, strides, False, ordered_dict())


def zip_bytes(tree, storages, *, protocol=2, extra=(), name="archive", **options):
    """A `.pth` zip archive; `tree` is pickled unless it is bytes, `storages` is {key: bytes}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        archive.writestr(f"{name}/data.pkl", tree if type(tree) is bytes else dumps(tree, protocol))
        for entry, content in dict(extra).items():
            archive.writestr(f"{name}/{entry}", content)
        for key, content in storages.items():
            archive.writestr(f"{name}/data/{key}", content)
        archive.writestr(f"{name}/version", "3\n")
    return out.getvalue()


def legacy_bytes(tree, storages, itemsize=4):
    """A `.pth` stream of before PyTorch 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [dumps(part) for part in (MAGIC, 1001, system)]
    parts += [tree if type(tree) is bytes else dumps(tree), dumps(sorted(storages))]
    for _, content in sorted(storages.items()):
        parts += [(len(content) // itemsize).to_bytes(8, "little"), content]
    return b"".join(parts)


def safetensors_bytes(entries, body):
    """A `.safetensors` file of {name: (dtype, shape, offsets)} and its raw bytes."""
    keys = ("dtype", "shape", "data_offsets")
    header = {
        name: dict(zip(keys, entry, strict=True)) if type(entry) is tuple else entry
        for name, entry in entries.items()
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def numpy_scalar():
    dtype = Name("numpy", "dtype")("f4", False, True, state=(3, "<", None, None, None, -1, -1, 0))
    raw = Name("_codecs", "encode")("\x00\x00\x00?", "latin1")
    return Name("numpy.core.multiarray", "scalar")(dtype, raw)


def training_checkpoint(**more):
    return {
        "state_dict": {
            "module.w": tensor("0", (2, 3)),
            "module.n": tensor("1", (), kind="LongStorage"),
        },
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
