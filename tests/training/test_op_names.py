"""Operations as TensorFlow 2.21 names them, with and without oneDNN, on AVX2 and AVX-512."""

import pytest

from osnet_tf.training.op_names import readable_name


@pytest.mark.parametrize(
    ("words", "operations"),
    [
        ("matrix product", ["MatMul", "_MklMatMul"]),
        ("matrix product with bias or activation", ["_FusedMatMul", "_MklNativeFusedMatMul"]),
        ("convolution", ["Conv2D", "_MklNativeConv2D"]),
        ("convolution with bias or activation", ["_FusedConv2D", "_MklNativeFusedConv2D"]),
        (
            "convolution, gradient by its weights",
            ["Conv2DBackpropFilter", "_MklNativeConv2DBackpropFilter"],
        ),
        (
            "depthwise convolution, gradient by its input",
            ["DepthwiseConv2dNativeBackpropInput", "_MklNativeDepthwiseConv2dNativeBackpropInput"],
        ),
        ("batch norm", ["FusedBatchNormV3", "_MklNativeFusedBatchNormV3"]),
        ("batch norm, gradient", ["FusedBatchNormGradV3", "_MklNativeFusedBatchNormGradV3"]),
        ("batch norm with activation", ["_FusedBatchNormEx", "_MklNativeFusedBatchNormEx"]),
        ("Transpose", ["Transpose", "_MklTranspose"]),
        ("Pow", ["Pow"]),
        ("HostCast", ["_HostCast"]),
    ],
)
def test_one_name_for_all_kernels_of_an_operation(words, operations):
    assert {readable_name(operation) for operation in operations} == {words}
