"""What a `.tflite` file consists of, and what its delegate makes of that."""

from collections import Counter
from typing import NamedTuple

from osnet_tf.export.litert_runtime import litert_interpreter
from osnet_tf.types import PathLike


class LiteRTGraph(NamedTuple):
    """What a `.tflite` file is made of.

    Attributes:
        operators: Counter from operator name to number.
        partitions: Parts of the network that the XNNPACK delegate takes over; 1 is best. What it
            makes of constants alone, as of fp16 weights, is not counted: no image passes there.
        undelegated: Counter of the operators that the delegate leaves to the slower kernels. The
            one that takes the uint8 pixels in, CAST or QUANTIZE, always is among them.
    """

    operators: Counter
    partitions: int
    undelegated: Counter


def inspect_litert(path: PathLike) -> LiteRTGraph:
    """The operators and delegate partitions of a `.tflite` file.

    Args:
        path: A file of one input, of any program.

    Returns:
        `LiteRTGraph`.
    """
    from ai_edge_litert.interpreter import OpResolverType

    undelegated = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    plain = litert_interpreter(path, experimental_op_resolver_type=undelegated)
    operators = plain._get_ops_details()
    delegated = litert_interpreter(path)._get_ops_details()
    partitions = [op for op in delegated if op["op_name"] == "DELEGATE"]
    taken = _taken_over(operators, partitions)
    (image,) = (int(detail["index"]) for detail in plain.get_input_details())
    computed = {image, *(int(t) for op in _after(operators, image) for t in op["outputs"])}
    return LiteRTGraph(
        Counter(op["op_name"] for op in operators),
        sum(any(int(t) in computed for t in part["outputs"]) for part in partitions),
        Counter(op["op_name"] for op in operators if op["index"] not in taken),
    )


def _after(operators, tensor):
    """The operators whose outputs depend on a tensor."""
    reached, found = {tensor}, []
    for op in operators:  # in the order in which they run
        if reached.intersection(int(t) for t in op["inputs"]):
            reached.update(int(t) for t in op["outputs"])
            found.append(op)
    return found


def _taken_over(operators, partitions):
    """Indices of the operators between the inputs and the outputs of the partitions."""
    producer = {int(t): op for op in operators for t in op["outputs"]}
    taken = set()
    for partition in partitions:
        inputs = {int(t) for t in partition["inputs"]}
        tensors = [int(t) for t in partition["outputs"]]
        while tensors:
            tensor = tensors.pop()
            op = producer.get(tensor)
            if tensor not in inputs and op is not None and op["index"] not in taken:
                taken.add(op["index"])
                tensors.extend(int(t) for t in op["inputs"])
    return taken
