"""Running ONNX files in OpenVINO, which ours are compared with."""

import os

from osnet_tf.errors import MissingPackageError
from osnet_tf.export.formats import Format


def require():
    """The openvino package; raises MissingPackageError if it is not installed."""
    try:
        import openvino
    except ImportError as error:
        raise MissingPackageError(
            "OpenVINO is not installed: pip install openvino (it is only compared with)"
        ) from error
    return openvino


def open_onnx(path, num_threads=1):
    """Opens an `.onnx` file: a function from uint8 images to float32 embeddings."""
    # f32 as the others: OpenVINO takes bfloat16 where the processor has it
    options = {"INFERENCE_NUM_THREADS": num_threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = (
        require()
        .Core()
        .compile_model(os.fspath(path), "CPU", {"PERFORMANCE_HINT": "LATENCY", **options})
    )
    return lambda images: compiled([images])[0]


FORMAT = Format(write=None, open=open_onnx, require=require)
