"""Core ML's converter on our SavedModel: run by its own Python, which has none of ours.

python coreml_client.py FOLDER: FOLDER holds `1`, the SavedModel of an export for Core ML. Prints a
JSON line: what the converted model takes and gives, and its operators. It runs on Apple's systems
only.
"""

import collections
import json
import sys
from pathlib import Path

import coremltools
import tensorflow as tf


def main(folder):
    model = tf.saved_model.load(str(Path(folder) / "1"))
    image = coremltools.ImageType(
        name="images", shape=(1, 256, 128, 3), color_layout=coremltools.colorlayout.RGB
    )
    found = coremltools.convert(
        [model.signatures["convert"]],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[image],
        compute_precision=coremltools.precision.FLOAT32,
    )
    described = found.get_spec().description
    taken = described.input[0].type.imageType
    operators = found._mil_program.functions["main"].operations
    about = {
        "image": [taken.height, taken.width],
        "embedding": list(described.output[0].type.multiArrayType.shape),
        "operators": collections.Counter(op.op_type for op in operators if op.op_type != "const"),
    }
    print(json.dumps(about))


if __name__ == "__main__":
    main(sys.argv[1])
