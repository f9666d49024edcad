"""A pickle interpreter that can rebuild a tree of tensors and can do nothing else.

`pickle.Unpickler` with a guarded `find_class` still lets a file set attributes on whatever it was
given and allocate what it likes, so this module interprets the opcodes itself. What a name in the
pickle stands for, `pickled_names` says; what may come out, `pickled_values`.

Opcodes and protocols: `pickletools` in the standard library.
"""

import pickle
import struct
from collections.abc import Callable
from typing import NamedTuple

from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.pickle_machine import PickleMachine
from osnet_tf.weights.pickled_values import Inert, Malformed

# A training checkpoint of OSNet takes about 60,000 opcodes. The limit keeps a hostile file from
# spending memory on an endless stream of one-byte opcodes.
MAX_OPCODES = 5_000_000


class Unpickled(NamedTuple):
    """What a pickle holds.

    Attributes:
        value: dicts, lists, tuples, scalars, `TensorRef` and `Inert`.
        end: where in the bytes it ended.
        storages: the dtype of every storage key that was met.
    """

    value: object
    end: int
    storages: dict[str, str]


def unpickle(data: bytes, path: str, position: int = 0) -> Unpickled:
    """Interprets one pickle of a checkpoint.

    Args:
        data: the bytes that hold the pickle.
        path: the file they came from, for messages.
        position: where in `data` the pickle begins.

    Raises:
        WeightsError: the pickle is damaged, or does what no checkpoint does.
    """
    machine = PickleMachine(data, position)
    try:
        value = _run(machine)
    except Malformed as error:
        reason = str(error)
    except (IndexError, KeyError, struct.error):
        reason = "an opcode finds too little on the stack or in the memo"
    except (ValueError, TypeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        return Unpickled(value, machine.position, machine.storages)
    raise WeightsError(path, f"malformed pickle at byte {machine.position}: {reason}")


def _run(machine: PickleMachine) -> object:
    data, end = machine.data, len(machine.data)
    for _ in range(MAX_OPCODES):
        if machine.position >= end:
            raise Malformed("the file is truncated")
        code = data[machine.position]
        machine.position += 1
        if code == pickle.STOP[0]:
            return machine.stack.pop()
        handler = _DISPATCH.get(code)
        if handler is None:
            name = _OPCODE_NAMES.get(code)
            what = f"opcode {name} is none that" if name else f"byte 0x{code:02x} is no opcode that"
            raise Malformed(f"{what} PyTorch writes")
        handler(machine)
    raise Malformed(f"it has more than {MAX_OPCODES} opcodes")


_OPCODE_NAMES = {
    value[0]: name
    for name, value in vars(pickle).items()
    if name.isupper() and type(value) is bytes and len(value) == 1
}

_M = PickleMachine
_HANDLERS: dict[bytes, Callable[[PickleMachine], None]] = {
    pickle.PROTO: _M.protocol,
    pickle.FRAME: lambda m: m.take(8) and None,
    pickle.MARK: _M.mark,
    pickle.POP: _M.pop,
    pickle.POP_MARK: lambda m: m.pop_mark() and None,
    # names and calls
    pickle.GLOBAL: _M.global_,
    pickle.STACK_GLOBAL: _M.stack_global,
    pickle.REDUCE: _M.reduce,
    pickle.NEWOBJ: lambda m: m.new_object(1),
    pickle.NEWOBJ_EX: lambda m: m.new_object(2),
    pickle.OBJ: _M.object_,
    pickle.INST: _M.instance,
    pickle.BUILD: _M.build,
    pickle.BINPERSID: _M.persistent_id,
    # memo
    pickle.BINPUT: lambda m: m.put(m.number(1)),
    pickle.LONG_BINPUT: lambda m: m.put(m.number(4)),
    pickle.MEMOIZE: lambda m: m.put(len(m.memo)),
    pickle.BINGET: lambda m: m.get(m.number(1)),
    pickle.LONG_BINGET: lambda m: m.get(m.number(4)),
    # containers
    pickle.EMPTY_LIST: lambda m: m.push([]),
    pickle.APPEND: _M.append,
    pickle.APPENDS: _M.appends,
    pickle.EMPTY_TUPLE: lambda m: m.push(()),
    pickle.TUPLE: _M.tuple_,
    pickle.TUPLE1: lambda m: m.short_tuple(1),
    pickle.TUPLE2: lambda m: m.short_tuple(2),
    pickle.TUPLE3: lambda m: m.short_tuple(3),
    pickle.EMPTY_DICT: lambda m: m.push({}),
    pickle.SETITEM: _M.set_item,
    pickle.SETITEMS: _M.set_items,
    pickle.EMPTY_SET: lambda m: m.push(Inert("builtins.set")),
    pickle.ADDITEMS: _M.set_of_items,
    pickle.FROZENSET: _M.frozen_set,
    # scalars
    pickle.NONE: lambda m: m.push(None),
    pickle.NEWTRUE: lambda m: m.push(True),
    pickle.NEWFALSE: lambda m: m.push(False),
    pickle.INT: lambda m: m.push(m.int_line()),  # Python 2 writes large integers so
    pickle.LONG: lambda m: m.push(m.long_line()),
    pickle.BININT: lambda m: m.push(int.from_bytes(m.take(4), "little", signed=True)),
    pickle.BININT1: lambda m: m.push(m.number(1)),
    pickle.BININT2: lambda m: m.push(m.number(2)),
    pickle.LONG1: lambda m: m.push(int.from_bytes(m.take(m.number(1)), "little", signed=True)),
    pickle.LONG4: lambda m: m.push(int.from_bytes(m.take(m.number(4)), "little", signed=True)),
    pickle.BINFLOAT: lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    # Python 2's str: text, or the bytes of a NumPy scalar; latin-1 keeps both.
    pickle.SHORT_BINSTRING: lambda m: m.push(m.take(m.number(1)).decode("latin-1")),
    pickle.BINSTRING: lambda m: m.push(m.take(m.number(4)).decode("latin-1")),
    pickle.SHORT_BINUNICODE: lambda m: m.push(m.take(m.number(1)).decode("utf-8")),
    pickle.BINUNICODE: lambda m: m.push(m.take(m.number(4)).decode("utf-8")),
    pickle.BINUNICODE8: lambda m: m.push(m.take(m.number(8)).decode("utf-8")),
    pickle.SHORT_BINBYTES: lambda m: m.push(m.take(m.number(1))),
    pickle.BINBYTES: lambda m: m.push(m.take(m.number(4))),
    pickle.BINBYTES8: lambda m: m.push(m.take(m.number(8))),
    pickle.BYTEARRAY8: lambda m: m.push(m.take(m.number(8))),
}
_DISPATCH = {code[0]: handler for code, handler in _HANDLERS.items()}
