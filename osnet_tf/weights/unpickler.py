"""A pickle interpreter that can rebuild a tree of tensors and can do nothing else.

`pickle.Unpickler` with a guarded `find_class` still lets a file set attributes on whatever it was
given and allocate what it likes, so this module interprets the opcodes itself. No name in the
pickle is ever imported or called: a name on the list below stands for one small function of this
module, or for nothing at all (`Inert`: optimiser and epoch records that nobody reads); every other
name is refused, by name. Tensors come back as descriptions (`TensorRef`), checked against the
bytes only when somebody wants the values, so optimiser state costs nothing.

Opcodes and protocols: `pickletools` in the standard library. What PyTorch writes with them:
`torch/serialization.py` and `torch/_utils.py`.
"""

import _compat_pickle
import pickle
import struct
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from osnet_tf.weights.errors import CheckpointError

# A training checkpoint of OSNet takes about 60,000 opcodes. The limit keeps a hostile file from
# spending memory on an endless stream of one-byte opcodes.
MAX_OPCODES = 5_000_000

# PyTorch's and NumPy's own limit.
MAX_AXES = 64

# torch dtype -> how its elements lie in the file, little-endian. bfloat16 has no NumPy type: it is
# read as its 16 bits. The float8, quantised and bit types are left out, and so refused by name.
ELEMENT_TYPES = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint64": np.dtype("<u8"),
    "uint32": np.dtype("<u4"),
    "uint16": np.dtype("<u2"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("u1"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
}


class StorageRef(NamedTuple):
    """A run of `numel` elements, from element `start`, of the storage `key` of `root_numel`."""

    key: str
    dtype: str
    root_numel: int
    start: int
    numel: int


class TensorRef(NamedTuple):
    """A strided view of a storage; `dtype` is a key of ELEMENT_TYPES, the rest counts elements."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class Inert:
    """What a harmless name stands for whose value nobody needs (a NumPy scalar, a device)."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name


class _StorageType(NamedTuple):
    name: str
    dtype: str


class _DType(NamedTuple):
    name: str
    dtype: str


class _Global(NamedTuple):
    """An allowed name; `build(args)` is what calling it does."""

    name: str
    build: Callable[[tuple], Any]


class _Malformed(Exception):
    """Something in the pickle is not what PyTorch writes; load() adds the path."""


def show(value: object) -> str:
    """A short description of a value out of a file; never a repr that recurses into it."""
    if isinstance(value, str):
        return ascii(value if len(value) <= 80 else value[:80] + "...")
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        bits = value.bit_length()
        return repr(value) if bits <= 64 else f"an integer of {bits} bits"
    if isinstance(value, (_StorageType, _DType, _Global, Inert)):
        return value.name
    return {TensorRef: "a tensor", StorageRef: "a storage"}.get(type(value), type(value).__name__)


def _sizes(value: object, what: str) -> tuple[int, ...]:
    if type(value) not in (tuple, list) or len(value) > MAX_AXES:
        raise _Malformed(f"the {what} of a tensor is no tuple of at most {MAX_AXES} sizes")
    if any(type(n) is not int or n < 0 for n in value):
        raise _Malformed(f"the {what} of a tensor is not all integers >= 0")
    return tuple(value)


def _tensor(
    storage: object, offset: object, size: object, stride: object, dtype: str | None = None
) -> TensorRef:
    if type(storage) is not StorageRef:
        raise _Malformed(f"a tensor is built on {show(storage)}, not on a storage")
    if type(offset) is not int or offset < 0:
        raise _Malformed(f"the storage offset of a tensor is {show(offset)}")
    shape, strides = _sizes(size, "size"), _sizes(stride, "stride")
    if len(shape) != len(strides):
        raise _Malformed(f"a tensor has {len(shape)} sizes but {len(strides)} strides")
    if dtype is None:
        dtype = storage.dtype
    elif storage.dtype != dtype and (storage.dtype != "uint8" or storage.start):
        raise _Malformed(f"a {dtype} tensor is built on a {storage.dtype} storage")
    return TensorRef(storage, offset, shape, strides, dtype)


def _arguments(args: tuple, least: int, most: int) -> tuple:
    if not least <= len(args) <= most:
        raise _Malformed(f"called with {len(args)} arguments")
    return args


def _rebuild_tensor(args: tuple) -> TensorRef:  # before PyTorch 0.4
    return _tensor(*_arguments(args, 4, 4))


def _rebuild_tensor_v2(args: tuple) -> TensorRef:
    # storage, offset, size, stride, requires_grad, backward_hooks[, metadata]
    _arguments(args, 6, 7)
    if len(args) == 7 and args[6]:
        raise _Malformed("conjugated and negated views are not supported")
    return _tensor(*args[:4])


def _rebuild_tensor_v3(args: tuple) -> TensorRef:
    # storage, offset, size, stride, requires_grad, backward_hooks, dtype[, metadata]
    _arguments(args, 7, 8)
    if len(args) == 8 and args[7]:
        raise _Malformed("conjugated and negated views are not supported")
    if type(args[6]) is not _DType:
        raise _Malformed(f"the dtype of a tensor is {show(args[6])}")
    return _tensor(*args[:4], dtype=args[6].dtype)


def _rebuild_parameter(args: tuple) -> TensorRef:
    # data, requires_grad, backward_hooks[, state]: the attributes in state do not change the values
    if type(_arguments(args, 3, 4)[0]) is not TensorRef:
        raise _Malformed(f"a Parameter is built on {show(args[0])}, not on a tensor")
    return args[0]


def _rebuild_from_type_v2(args: tuple) -> TensorRef:
    # function, type, args, state: a plain tensor that carries Python attributes
    function, kind, inner, _ = _arguments(args, 4, 4)
    if type(function) is not _Global or function.build not in _TENSOR_BUILDERS:
        raise _Malformed(f"a tensor is rebuilt by {show(function)}")
    if show(kind) not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
        raise _Malformed(f"a tensor is rebuilt as {show(kind)}")
    if type(inner) is not tuple:
        raise _Malformed("a tensor is rebuilt from no tuple of arguments")
    return function.build(inner)


_TENSOR_BUILDERS = (_rebuild_tensor, _rebuild_tensor_v2, _rebuild_tensor_v3)


def _ordered_dict(args: tuple) -> dict:
    """OrderedDict(), or as Python 2 pickled it: OrderedDict([[key, value], ...])."""
    _arguments(args, 0, 1)
    result: dict = {}
    if args:
        if type(args[0]) is not list:
            raise _Malformed(f"an OrderedDict is built on {show(args[0])}")
        for pair in args[0]:
            if type(pair) not in (list, tuple) or len(pair) != 2:
                raise _Malformed(f"an OrderedDict is built on an item {show(pair)}")
            _set_item(result, *pair)
        args[0].clear()  # so that naming one long list again and again costs nothing
    return result


def _size(args: tuple) -> tuple[int, ...]:
    return _sizes(_arguments(args, 1, 1)[0], "size")


def _set_item(target: object, key: object, value: object) -> None:
    if type(target) is not dict:
        raise _Malformed(f"an item is put into {show(target)}, not into a dict")
    # Only scalars: hashing a nest of shared tuples takes time exponential in the file's size.
    if type(key) not in (str, int, float, bool, type(None)):
        raise _Malformed(f"a dict has a key that is {show(key)}")
    target[key] = value


def _allowed() -> dict[str, object]:
    builders = {
        "collections.OrderedDict": _ordered_dict,
        "torch.Size": _size,
        "torch._utils._rebuild_tensor": _rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": _rebuild_tensor_v2,
        "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
        "torch._utils._rebuild_parameter": _rebuild_parameter,
        "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
        "torch._tensor._rebuild_from_type_v2": _rebuild_from_type_v2,
    }
    # Found beside the weights in training checkpoints and never needed: the best score as a NumPy
    # scalar or array, whose bytes Python 2 protocols write as _codecs.encode(text, "latin1"); the
    # milestones of a MultiStepLR (a Counter); devices, sets; the type named by a rebuilt tensor.
    inert = [
        "_codecs.encode",
        "builtins.set",
        "collections.Counter",
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        "torch.Tensor",
        "torch.device",
        "torch.nn.parameter.Parameter",
    ]
    storages = {
        "DoubleStorage": "float64",
        "FloatStorage": "float32",
        "HalfStorage": "float16",
        "BFloat16Storage": "bfloat16",
        "LongStorage": "int64",
        "IntStorage": "int32",
        "ShortStorage": "int16",
        "CharStorage": "int8",
        "ByteStorage": "uint8",
        "BoolStorage": "bool",
        "ComplexFloatStorage": "complex64",
        "ComplexDoubleStorage": "complex128",
        "UntypedStorage": "uint8",
        "storage.UntypedStorage": "uint8",
    }
    table: dict[str, object] = {name: _Global(name, build) for name, build in builders.items()}
    table |= {name: _Global(name, lambda args, name=name: Inert(name)) for name in inert}
    table |= {f"torch.{name}": _StorageType(f"torch.{name}", d) for name, d in storages.items()}
    table |= {f"torch.{name}": _DType(f"torch.{name}", name) for name in ELEMENT_TYPES}
    return table


_ALLOWED = _allowed()

_REASONS = {
    "torch._utils._rebuild_sparse_tensor": "sparse tensors are not supported",
    "torch.serialization._get_layout": "sparse tensors are not supported",
    "torch._utils._rebuild_sparse_csr_tensor": "sparse tensors are not supported",
    "torch._utils._rebuild_nested_tensor": "nested tensors are not supported",
    "torch._utils._rebuild_qtensor": "quantised tensors are not supported",
    "torch._utils._rebuild_meta_tensor_no_storage": "a meta tensor has no values",
}


class Unpickler:
    """Interprets one pickle of a checkpoint.

    Args:
        data: the bytes that hold the pickle.
        path: the file they came from, for messages.
        position: where in `data` the pickle begins. After `load` it is where the pickle ended.
    """

    def __init__(self, data: bytes, path: str, position: int = 0):
        self.data = data
        self.path = path
        self.position = position
        self.stack: list = []
        self.marks: list[list] = []
        self.memo: dict[int, object] = {}
        self.storages: dict[str, str] = {}  # the dtype of every storage key that was met

    def load(self) -> object:
        """Returns the tree: dicts, lists, tuples, scalars, `TensorRef` and `Inert`.

        Raises:
            CheckpointError: the pickle names or does something that is refused, or is damaged.
        """
        data, end = self.data, len(self.data)
        try:
            for _ in range(MAX_OPCODES):
                if self.position >= end:
                    raise _Malformed("the file is truncated")
                code = data[self.position]
                self.position += 1
                if code == pickle.STOP[0]:
                    return self.stack.pop()
                handler = _DISPATCH.get(code)
                if handler is None:
                    self._refuse_opcode(code)
                handler(self)
            raise _Malformed(f"it has more than {MAX_OPCODES} opcodes")
        except CheckpointError:
            raise
        except _Malformed as error:
            reason = str(error)
        except (IndexError, KeyError, struct.error):
            reason = "an opcode finds too little on the stack or in the memo"
        except (ValueError, TypeError, OverflowError) as error:
            reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{self.path}: malformed pickle at byte {self.position}: {reason}")

    # Refusals.

    def _refuse(self, name: str, reason: str | None = None) -> NoReturn:
        if reason is None:
            reason = _REASONS.get(
                name,
                "a checkpoint may name only what rebuilding tensors needs. If this file holds a "
                "whole pickled model or other objects, save model.state_dict() alone",
            )
        shown = name if name.isprintable() and len(name) <= 200 else ascii(name[:200])
        raise CheckpointError(f"refused to load {shown} from {self.path}: {reason}")

    def _refuse_opcode(self, code: int) -> NoReturn:
        if code == pickle.INST[0]:
            self._refuse(self._name(self._line(), self._line()))
        name = _OPCODE_NAMES.get(code)
        if name is None:
            raise _Malformed(f"byte 0x{code:02x} is no opcode")
        self._refuse(f"opcode {name}", "PyTorch's checkpoints do not use it")

    # Reading.

    def _take(self, count: int) -> bytes:
        start = self.position
        if count < 0 or count > len(self.data) - start:
            raise _Malformed("the file is truncated")
        self.position = start + count
        return self.data[start : self.position]

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count), "little")

    def _line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 4096)
        if end < 0:
            raise _Malformed("a line has no end")
        line = self._take(end - self.position)
        self.position += 1
        return line.decode("utf-8")

    def _pop_mark(self) -> list:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    # Names and calls: the only opcodes that could do anything in `pickle`.

    def _name(self, module: str, name: str) -> str:
        # As Python 3 reads what protocol 2 wrote: __builtin__.set is builtins.set.
        if (module, name) in _compat_pickle.NAME_MAPPING:
            module, name = _compat_pickle.NAME_MAPPING[module, name]
        else:
            module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        return f"{module}.{name}"

    def _push_global(self, module: str, name: str) -> None:
        name = self._name(module, name)
        value = _ALLOWED.get(name)
        if value is None:
            self._refuse(name)
        self.stack.append(value)

    def global_(self) -> None:
        self._push_global(self._line(), self._line())

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise _Malformed(f"a global is named by {show(module)} and {show(name)}")
        self._push_global(module, name)

    def reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        if type(function) is not _Global:
            raise _Malformed(f"{show(function)} is called")
        if type(args) is not tuple:
            raise _Malformed(f"{function.name} is called with {show(args)} for its arguments")
        try:
            self.stack.append(function.build(args))
        except _Malformed as error:
            raise _Malformed(f"{function.name}: {error}") from None

    def build(self) -> None:
        # The attributes of an OrderedDict (a state dict's _metadata) and the state of a NumPy
        # dtype or array are dropped: nothing of this file's choice is ever set on anything.
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) not in (dict, Inert) or type(state) not in (dict, tuple):
            raise _Malformed(f"{show(target)} is given the state {show(state)}")

    def persistent_id(self) -> None:
        # ("storage", type, key, location, numel), before zip files with (view key, offset, size).
        pid = self.stack.pop()
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage":
            raise _Malformed(f"a persistent id is {show(pid)}, not a storage")
        kind, key, location, numel = pid[1:5]
        if type(kind) is not _StorageType or type(key) is not str or type(location) is not str:
            raise _Malformed(
                f"a storage is described by {show(kind)}, {show(key)} and {show(location)}"
            )
        if type(numel) is not int or numel < 0:
            raise _Malformed(f"a storage has {show(numel)} elements")
        start, count = 0, numel
        view = pid[5] if len(pid) == 6 else None
        if view is not None:
            if type(view) is not tuple or len(view) != 3 or type(view[0]) is not str:
                raise _Malformed(f"a view of a storage is {show(view)}")
            start, count = _sizes(view[1:], "storage view")
            if start + count > numel:
                raise _Malformed(f"a view reaches past the {numel} elements of its storage")
        if self.storages.setdefault(key, kind.dtype) != kind.dtype:
            raise _Malformed(f"the storage {show(key)} has two types")
        self.stack.append(StorageRef(key, kind.dtype, numel, start, count))

    # Containers.

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._pop_mark()

    def append(self) -> None:
        value = self.stack.pop()
        self._extend([value])

    def appends(self) -> None:
        self._extend(self._pop_mark())

    def _extend(self, values: list) -> None:
        if type(self.stack[-1]) is not list:
            raise _Malformed(f"an item is appended to {show(self.stack[-1])}, not to a list")
        self.stack[-1].extend(values)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _set_item(self.stack[-1], key, value)

    def set_items(self) -> None:
        items = self._pop_mark()
        if len(items) % 2:
            raise _Malformed("a dict is given a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            _set_item(self.stack[-1], key, value)

    def set_of_items(self) -> None:
        self._pop_mark()  # ADDITEMS
        if type(self.stack[-1]) is not Inert:
            raise _Malformed(f"items are added to {show(self.stack[-1])}, not to a set")

    def frozen_set(self) -> None:
        self._pop_mark()
        self.stack.append(Inert("builtins.frozenset"))

    def tuple_(self) -> None:
        items = self._pop_mark()
        self.stack.append(tuple(items))

    def _short_tuple(self, length: int) -> None:
        if len(self.stack) < length:
            raise IndexError
        items = tuple(self.stack[-length:])
        del self.stack[-length:]
        self.stack.append(items)

    # The memo and the framing.

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def protocol(self) -> None:
        version = self._number(1)
        if version > pickle.HIGHEST_PROTOCOL:
            raise _Malformed(f"pickle protocol {version} is not known")

    # Scalars.

    def push(self, value: object) -> None:
        self.stack.append(value)

    def _int_line(self) -> int | bool:
        text = self._line()
        return text == "01" if text in ("00", "01") else int(text)


_OPCODE_NAMES = {
    value[0]: name
    for name, value in vars(pickle).items()
    if name.isupper() and type(value) is bytes and len(value) == 1
}

_U = Unpickler
_HANDLERS: dict[bytes, Callable[[Unpickler], None]] = {
    pickle.PROTO: _U.protocol,
    pickle.FRAME: lambda u: u._take(8) and None,
    pickle.MARK: _U.mark,
    pickle.POP: _U.pop,
    pickle.POP_MARK: lambda u: u._pop_mark() and None,
    # names and calls
    pickle.GLOBAL: _U.global_,
    pickle.STACK_GLOBAL: _U.stack_global,
    pickle.REDUCE: _U.reduce,
    pickle.BUILD: _U.build,
    pickle.BINPERSID: _U.persistent_id,
    # memo
    pickle.BINPUT: lambda u: u.put(u._number(1)),
    pickle.LONG_BINPUT: lambda u: u.put(u._number(4)),
    pickle.MEMOIZE: lambda u: u.put(len(u.memo)),
    pickle.BINGET: lambda u: u.get(u._number(1)),
    pickle.LONG_BINGET: lambda u: u.get(u._number(4)),
    # containers
    pickle.EMPTY_LIST: lambda u: u.push([]),
    pickle.APPEND: _U.append,
    pickle.APPENDS: _U.appends,
    pickle.EMPTY_TUPLE: lambda u: u.push(()),
    pickle.TUPLE: _U.tuple_,
    pickle.TUPLE1: lambda u: u._short_tuple(1),
    pickle.TUPLE2: lambda u: u._short_tuple(2),
    pickle.TUPLE3: lambda u: u._short_tuple(3),
    pickle.EMPTY_DICT: lambda u: u.push({}),
    pickle.SETITEM: _U.set_item,
    pickle.SETITEMS: _U.set_items,
    pickle.EMPTY_SET: lambda u: u.push(Inert("builtins.set")),
    pickle.ADDITEMS: _U.set_of_items,
    pickle.FROZENSET: _U.frozen_set,
    # scalars
    pickle.NONE: lambda u: u.push(None),
    pickle.NEWTRUE: lambda u: u.push(True),
    pickle.NEWFALSE: lambda u: u.push(False),
    pickle.INT: lambda u: u.push(u._int_line()),  # Python 2 writes large integers so
    pickle.BININT: lambda u: u.push(int.from_bytes(u._take(4), "little", signed=True)),
    pickle.BININT1: lambda u: u.push(u._number(1)),
    pickle.BININT2: lambda u: u.push(u._number(2)),
    pickle.LONG1: lambda u: u.push(int.from_bytes(u._take(u._number(1)), "little", signed=True)),
    pickle.LONG4: lambda u: u.push(int.from_bytes(u._take(u._number(4)), "little", signed=True)),
    pickle.BINFLOAT: lambda u: u.push(struct.unpack(">d", u._take(8))[0]),
    # Python 2's str: text, or the bytes of a NumPy scalar; latin-1 keeps both.
    pickle.SHORT_BINSTRING: lambda u: u.push(u._take(u._number(1)).decode("latin-1")),
    pickle.BINSTRING: lambda u: u.push(u._take(u._number(4)).decode("latin-1")),
    pickle.SHORT_BINUNICODE: lambda u: u.push(u._take(u._number(1)).decode("utf-8")),
    pickle.BINUNICODE: lambda u: u.push(u._take(u._number(4)).decode("utf-8")),
    pickle.BINUNICODE8: lambda u: u.push(u._take(u._number(8)).decode("utf-8")),
    pickle.SHORT_BINBYTES: lambda u: u.push(u._take(u._number(1))),
    pickle.BINBYTES: lambda u: u.push(u._take(u._number(4))),
    pickle.BINBYTES8: lambda u: u.push(u._take(u._number(8))),
    pickle.BYTEARRAY8: lambda u: u.push(u._take(u._number(8))),
}
_DISPATCH = {code[0]: handler for code, handler in _HANDLERS.items()}
