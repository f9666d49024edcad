"""Names of TensorFlow's operations that a person understands."""

import re

#: What it computes, by TensorFlow's name. The others (Mul, Sum, Cast) say it themselves.
_READABLE = {
    "AddN": "sum of tensors",
    "AvgPool": "average pool",
    "AvgPoolGrad": "average pool, gradient",
    "BatchMatMulV2": "matrix products",
    "BiasAdd": "bias",
    "BiasAddGrad": "bias, gradient",
    "Conv2D": "convolution",
    "Conv2DBackpropFilter": "convolution, gradient by its weights",
    "Conv2DBackpropInput": "convolution, gradient by its input",
    "DepthwiseConv2dNative": "depthwise convolution",
    "DepthwiseConv2dNativeBackpropFilter": "depthwise convolution, gradient by its weights",
    "DepthwiseConv2dNativeBackpropInput": "depthwise convolution, gradient by its input",
    "FusedBatchNormV3": "batch norm",
    "FusedBatchNormGradV3": "batch norm, gradient",
    "MatMul": "matrix product",
    "MaxPool": "max pool",
    "MaxPoolGrad": "max pool, gradient",
    "ReadVariableOp": "read a variable",
    "AssignVariableOp": "write a variable",
    "AssignSubVariableOp": "subtract from a variable",
    "AssignAddVariableOp": "add to a variable",
    "Relu": "ReLU",
    "ReluGrad": "ReLU, gradient",
    "ResourceApplyAdam": "Adam update",
    "ResourceApplyAdamWithAmsgrad": "AMSGrad update",
    "ResourceApplyGradientDescent": "SGD update",
    "ResourceApplyKerasMomentum": "SGD update",
    "Sigmoid": "sigmoid",
    "SigmoidGrad": "sigmoid, gradient",
}


def readable_name(operation):
    """What an operation computes, in words.

    TensorFlow replaces operations by others for the processor that it finds: `_MklNative...` of
    oneDNN, `_Fused...` that add a bias or an activation on the way. They get the names of those
    that they stand for.

    Args:
        operation: TensorFlow's name.

    Returns:
        Words; the operation itself where it says what it computes.

    >>> [readable_name(name) for name in ("MatMul", "_MklNativeConv2DBackpropInput", "Mul")]
    ['matrix product', 'convolution, gradient by its input', 'Mul']
    >>> [readable_name(name) for name in ("_MklFusedMatMul", "_FusedBatchNormEx")]
    ['matrix product with bias or activation', 'batch norm with activation']
    """
    plain = re.sub("^_(Mkl)?(Native)?", "", operation)
    if plain == operation or plain in _READABLE:
        return _READABLE.get(plain, plain)
    if plain.startswith("FusedBatchNorm"):  # in TensorFlow fused means here: of one operation
        gradient = "Grad" in plain
        return "batch norm with activation" + (", gradient" if gradient else "")
    fused = plain.removeprefix("Fused")
    words = _READABLE.get(fused, fused)
    return words if fused == plain else f"{words} with bias or activation"
