"""A pickle interpreter that can rebuild a tree of tensors and can do nothing else.

`pickle.Unpickler` with a guarded `find_class` still lets a file set attributes on whatever it was
given and allocate what it likes, so this module interprets the opcodes itself. What a name in the
pickle may stand for, `pickled_names` lists; what may come out, `pickled_values`.

Opcodes and protocols: `pickletools` in the standard library.
"""

import _compat_pickle
import pickle
import struct
from collections.abc import Callable
from typing import NoReturn

from osnet_tf.weights.errors import CheckpointError
from osnet_tf.weights.pickled_names import ALLOWED, REASONS
from osnet_tf.weights.pickled_values import (
    Global,
    Inert,
    Malformed,
    StorageRef,
    StorageType,
    set_item,
    show,
    sizes,
)

# A training checkpoint of OSNet takes about 60,000 opcodes. The limit keeps a hostile file from
# spending memory on an endless stream of one-byte opcodes.
MAX_OPCODES = 5_000_000


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
                    raise Malformed("the file is truncated")
                code = data[self.position]
                self.position += 1
                if code == pickle.STOP[0]:
                    return self.stack.pop()
                handler = _DISPATCH.get(code)
                if handler is None:
                    self._refuse_opcode(code)
                handler(self)
            raise Malformed(f"it has more than {MAX_OPCODES} opcodes")
        except CheckpointError:
            raise
        except Malformed as error:
            reason = str(error)
        except (IndexError, KeyError, struct.error):
            reason = "an opcode finds too little on the stack or in the memo"
        except (ValueError, TypeError, OverflowError) as error:
            reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{self.path}: malformed pickle at byte {self.position}: {reason}")

    # Refusals.

    def _refuse(self, name: str, reason: str | None = None) -> NoReturn:
        if reason is None:
            reason = REASONS.get(
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
            raise Malformed(f"byte 0x{code:02x} is no opcode")
        self._refuse(f"opcode {name}", "PyTorch's checkpoints do not use it")

    # Reading.

    def _take(self, count: int) -> bytes:
        start = self.position
        if count < 0 or count > len(self.data) - start:
            raise Malformed("the file is truncated")
        self.position = start + count
        return self.data[start : self.position]

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count), "little")

    def _line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 4096)
        if end < 0:
            raise Malformed("a line has no end")
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
        value = ALLOWED.get(name)
        if value is None:
            self._refuse(name)
        self.stack.append(value)

    def global_(self) -> None:
        self._push_global(self._line(), self._line())

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise Malformed(f"a global is named by {show(module)} and {show(name)}")
        self._push_global(module, name)

    def reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        if type(function) is not Global:
            raise Malformed(f"{show(function)} is called")
        if type(args) is not tuple:
            raise Malformed(f"{function.name} is called with {show(args)} for its arguments")
        try:
            self.stack.append(function.build(args))
        except Malformed as error:
            raise Malformed(f"{function.name}: {error}") from None

    def build(self) -> None:
        # The attributes of an OrderedDict (a state dict's _metadata) and the state of a NumPy
        # dtype or array are dropped: nothing of this file's choice is ever set on anything.
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) not in (dict, Inert) or type(state) not in (dict, tuple):
            raise Malformed(f"{show(target)} is given the state {show(state)}")

    def persistent_id(self) -> None:
        # ("storage", type, key, location, numel), before zip files with (view key, offset, size).
        pid = self.stack.pop()
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage":
            raise Malformed(f"a persistent id is {show(pid)}, not a storage")
        kind, key, location, numel = pid[1:5]
        if type(kind) is not StorageType or type(key) is not str or type(location) is not str:
            raise Malformed(
                f"a storage is described by {show(kind)}, {show(key)} and {show(location)}"
            )
        if type(numel) is not int or numel < 0:
            raise Malformed(f"a storage has {show(numel)} elements")
        start, count = 0, numel
        view = pid[5] if len(pid) == 6 else None
        if view is not None:
            if type(view) is not tuple or len(view) != 3 or type(view[0]) is not str:
                raise Malformed(f"a view of a storage is {show(view)}")
            start, count = sizes(view[1:], "storage view")
            if start + count > numel:
                raise Malformed(f"a view reaches past the {numel} elements of its storage")
        if self.storages.setdefault(key, kind.dtype) != kind.dtype:
            raise Malformed(f"the storage {show(key)} has two types")
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
            raise Malformed(f"an item is appended to {show(self.stack[-1])}, not to a list")
        self.stack[-1].extend(values)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        set_item(self.stack[-1], key, value)

    def set_items(self) -> None:
        items = self._pop_mark()
        if len(items) % 2:
            raise Malformed("a dict is given a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            set_item(self.stack[-1], key, value)

    def set_of_items(self) -> None:
        self._pop_mark()  # ADDITEMS
        if type(self.stack[-1]) is not Inert:
            raise Malformed(f"items are added to {show(self.stack[-1])}, not to a set")

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
            raise Malformed(f"pickle protocol {version} is not known")

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
