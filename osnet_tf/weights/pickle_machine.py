"""The stack machine that a pickle is a program for, with nothing in it that could do anything.

A name that tensors are not rebuilt with is never looked up: all that is called or built with it
becomes `Inert`.
"""

import _compat_pickle
import pickle

from osnet_tf.weights.pickled_names import meaning_of
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


class PickleMachine:
    """What the opcodes of a pickle work on: a stack, a memo, a place in the bytes.

    Its methods raise `Malformed`, or IndexError and KeyError for too short a stack.

    Args:
        data: the bytes that hold the pickle.
        position: where in `data` the pickle begins; afterwards, where it ended.
    """

    def __init__(self, data: bytes, position: int = 0):
        self.data = data
        self.position = position
        self.stack: list = []
        self.marks: list[list] = []
        self.memo: dict[int, object] = {}
        self.storages: dict[str, str] = {}  # the dtype of every storage key that was met

    def take(self, count: int) -> bytes:
        start = self.position
        if count < 0 or count > len(self.data) - start:
            raise Malformed("the file is truncated")
        self.position = start + count
        return self.data[start : self.position]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def _line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 4096)
        if end < 0:
            raise Malformed("a line has no end")
        line = self.take(end - self.position)
        self.position += 1
        return line.decode("utf-8")

    def pop_mark(self) -> list:
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
        self.stack.append(meaning_of(self._name(module, name)))

    def global_(self) -> None:
        self._push_global(self._line(), self._line())

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise Malformed(f"a global is named by {show(module)} and {show(name)}")
        self._push_global(module, name)

    def reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        if type(args) is not tuple:
            raise Malformed(f"{show(function)} is called with {show(args)} for its arguments")
        if type(function) is Inert:
            self.stack.append(function)
            return
        if type(function) is not Global:
            raise Malformed(f"{show(function)} is called")
        try:
            self.stack.append(function.build(args))
        except Malformed as error:
            raise Malformed(f"{function.name}: {error}") from None

    def new_object(self, arguments: int) -> None:
        """NEWOBJ and NEWOBJ_EX: a class called with so many things from the stack."""
        for _ in range(arguments):
            self.stack.pop()
        self._push_object(self.stack.pop())

    def object_(self) -> None:  # OBJ
        self._push_object(self.pop_mark()[0])

    def instance(self) -> None:  # INST
        self._push_global(self._line(), self._line())
        kind = self.stack.pop()
        self.pop_mark()
        self._push_object(kind)

    def _push_object(self, kind: object) -> None:
        if type(kind) not in (Global, Inert):
            raise Malformed(f"an object is made of {show(kind)}, not of a class")
        self.stack.append(Inert(kind.name))

    def build(self) -> None:
        # The attributes of an OrderedDict (a state dict's _metadata) and the state of anything that
        # is left inert are dropped: nothing of this file's choice is ever set on anything.
        state, target = self.stack.pop(), self.stack[-1]
        fits = type(target) is Inert or (type(target) is dict and type(state) in (dict, tuple))
        if not fits:
            raise Malformed(f"{show(target)} is given the state {show(state)}")

    def persistent_id(self) -> None:
        # ("storage", type, key, location, numel), before zip files with (view key, offset, size).
        pid = self.stack.pop()
        if type(pid) is tuple and pid[:1] == ("module",) and type(pid[1]) is Global:
            self.stack.append(pid[1])  # a class of a model that was saved whole, with its source
            return
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage":
            raise Malformed(f"a persistent id is {show(pid)}, not a storage")
        kind, key, location, numel = pid[1:5]
        if type(kind) is Global:  # of quantised or other elements that no weights have here
            self.stack.append(Inert(kind.name))
            return
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
            self.pop_mark()

    def append(self) -> None:
        value = self.stack.pop()
        self._extend([value])

    def appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, values: list) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(values)
        elif type(target) is not Inert:
            raise Malformed(f"an item is appended to {show(target)}, not to a list")

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        set_item(self.stack[-1], key, value)

    def set_items(self) -> None:
        items = self.pop_mark()
        if len(items) % 2:
            raise Malformed("a dict is given a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            set_item(self.stack[-1], key, value)

    def set_of_items(self) -> None:
        self.pop_mark()  # ADDITEMS
        if type(self.stack[-1]) is not Inert:
            raise Malformed(f"items are added to {show(self.stack[-1])}, not to a set")

    def frozen_set(self) -> None:
        self.pop_mark()
        self.stack.append(Inert("builtins.frozenset"))

    def tuple_(self) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def short_tuple(self, length: int) -> None:
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
        version = self.number(1)
        if version > pickle.HIGHEST_PROTOCOL:
            raise Malformed(f"pickle protocol {version} is not known")

    # Scalars.

    def push(self, value: object) -> None:
        self.stack.append(value)

    def int_line(self) -> int | bool:
        text = self._line()
        return text == "01" if text in ("00", "01") else int(text)

    def long_line(self) -> int:
        return int(self._line().removesuffix("L"))
