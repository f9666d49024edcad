"""The names that tensors are rebuilt with, and what each of them builds here.

No name is ever imported or called: a name on the list stands for one small function of this module,
and every other for nothing at all (`Inert`): arguments, paths, dates and scores, which lie beside
the weights, nobody reads. What PyTorch writes: `torch/serialization.py` and `torch/_utils.py`.
"""

from osnet_tf.weights.pickled_values import (
    ELEMENT_TYPES,
    DType,
    Global,
    Inert,
    Malformed,
    StorageRef,
    StorageType,
    TensorRef,
    set_item,
    show,
    sizes,
)

_CONJUGATED = "a conjugated or negated view"


def _tensor(
    storage: object, offset: object, size: object, stride: object, dtype: str | None = None
) -> TensorRef | Inert:
    if type(storage) is Inert:
        return storage
    if type(storage) is not StorageRef:
        raise Malformed(f"a tensor is built on {show(storage)}, not on a storage")
    if type(offset) is not int or offset < 0:
        raise Malformed(f"the storage offset of a tensor is {show(offset)}")
    shape, strides = sizes(size, "size"), sizes(stride, "stride")
    if len(shape) != len(strides):
        raise Malformed(f"a tensor has {len(shape)} sizes but {len(strides)} strides")
    if dtype is None:
        dtype = storage.dtype
    elif storage.dtype != dtype and (storage.dtype != "uint8" or storage.start):
        raise Malformed(f"a {dtype} tensor is built on a {storage.dtype} storage")
    return TensorRef(storage, offset, shape, strides, dtype)


def _arguments(args: tuple, least: int, most: int) -> tuple:
    if not least <= len(args) <= most:
        raise Malformed(f"called with {len(args)} arguments")
    return args


def _rebuild_tensor(args: tuple) -> TensorRef | Inert:  # before PyTorch 0.4
    return _tensor(*_arguments(args, 4, 4))


def _rebuild_tensor_v2(args: tuple) -> TensorRef | Inert:
    # storage, offset, size, stride, requires_grad, backward_hooks[, metadata]
    _arguments(args, 6, 7)
    if len(args) == 7 and args[6]:
        return Inert(_CONJUGATED)
    return _tensor(*args[:4])


def _rebuild_tensor_v3(args: tuple) -> TensorRef | Inert:
    # storage, offset, size, stride, requires_grad, backward_hooks, dtype[, metadata]
    _arguments(args, 7, 8)
    if len(args) == 8 and args[7]:
        return Inert(_CONJUGATED)
    if type(args[6]) is Global:  # float8 and others that no weights have here
        return Inert(args[6].name)
    if type(args[6]) is not DType:
        raise Malformed(f"the dtype of a tensor is {show(args[6])}")
    return _tensor(*args[:4], dtype=args[6].dtype)


def _rebuild_parameter(args: tuple) -> TensorRef | Inert:
    # data, requires_grad, backward_hooks[, state]: the attributes in state do not change the values
    if type(_arguments(args, 3, 4)[0]) not in (TensorRef, Inert):
        raise Malformed(f"a Parameter is built on {show(args[0])}, not on a tensor")
    return args[0]


def _rebuild_from_type_v2(args: tuple) -> TensorRef | Inert:
    # function, type, args, state: a plain tensor that carries Python attributes
    function, kind, inner, _ = _arguments(args, 4, 4)
    if type(function) is not Global or type(kind) is not Global:
        raise Malformed(f"a tensor is rebuilt by {show(function)} as {show(kind)}")
    if function.build not in _TENSOR_BUILDERS:
        return Inert(function.name)
    if kind.name not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
        return Inert(kind.name)  # of a class of its own, which may read its storage in its own way
    if type(inner) is not tuple:
        raise Malformed("a tensor is rebuilt from no tuple of arguments")
    return function.build(inner)


_TENSOR_BUILDERS = (_rebuild_tensor, _rebuild_tensor_v2, _rebuild_tensor_v3)


def _ordered_dict(args: tuple) -> dict:
    """OrderedDict(), or as Python 2 pickled it: OrderedDict([[key, value], ...])."""
    _arguments(args, 0, 1)
    result: dict = {}
    if args:
        if type(args[0]) is not list:
            raise Malformed(f"an OrderedDict is built on {show(args[0])}")
        for pair in args[0]:
            if type(pair) not in (list, tuple) or len(pair) != 2:
                raise Malformed(f"an OrderedDict is built on an item {show(pair)}")
            set_item(result, *pair)
        args[0].clear()  # so that naming one long list again and again costs nothing
    return result


def _size(args: tuple) -> tuple[int, ...]:
    return sizes(_arguments(args, 1, 1)[0], "size")


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
        "QInt8Storage": "int8",
        "QUInt8Storage": "uint8",
        "QInt32Storage": "int32",
        "UntypedStorage": "uint8",
        "storage.UntypedStorage": "uint8",
    }
    table: dict[str, object] = {name: Global(name, build) for name, build in builders.items()}
    table |= {f"torch.{name}": StorageType(f"torch.{name}", d) for name, d in storages.items()}
    table |= {f"torch.{name}": DType(f"torch.{name}", name) for name in ELEMENT_TYPES}
    return table


_ALLOWED = _allowed()


def meaning_of(name: str) -> Global | StorageType | DType:
    """What a name in a pickle stands for; calling one that tensors do not need gives `Inert`."""
    return _ALLOWED.get(name) or Global(name, lambda args: _inert(name, args))


def _inert(name: str, args: tuple) -> Inert:
    # Python 2's way to make an object: copy_reg._reconstructor(its class, object, None)
    made = args[0] if name == "copyreg._reconstructor" and args else None
    return Inert(made.name if type(made) is Global else name)


# Why something that is built so cannot be among the weights.
REASONS = {
    _CONJUGATED: "conjugated and negated views are not supported",
    "torch._utils._rebuild_sparse_tensor": "sparse tensors are not supported",
    "torch.serialization._get_layout": "sparse tensors are not supported",
    "torch._utils._rebuild_sparse_csr_tensor": "sparse tensors are not supported",
    "torch._utils._rebuild_nested_tensor": "nested tensors are not supported",
    "torch._utils._rebuild_qtensor": "quantised tensors are not supported",
    "torch._utils._rebuild_meta_tensor_no_storage": "a meta tensor has no values",
}
