"""What `model.json` holds: all that a program must know to use the files that lie beside it."""

from pathlib import Path

from osnet_tf.export.model_json import FORMAT_VERSION, sha256
from osnet_tf.models import model_size
from osnet_tf.runs import provenance


def manifest(embedder, name, files, *, thresholds=(), l2_normalize=False):
    """The contents of `model.json`, a dict that JSON can hold.

    Its keys, all of them always there::

        format_version  1; a reader refuses numbers that it does not know
        name            the model's name, that of its folder
        preset          the architecture, such as "osnet_x0_25"
        input           name "images", height, width, channels 3, dtype "uint8", layout "NHWC",
                        color_order "RGB", range [0, 255], normalization "in the model" (so a
                        program must not subtract a mean), resize (the rule in words)
        embedding       name "embeddings", size, dtype "float32", l2_normalized (true or false)
        thresholds      a list, maybe empty, of {metric, threshold, fpr, tpr, num_same,
                        num_different, dataset}: two images whose distance is at most `threshold`
                        count as one person. The metric is "cosine" (1 - the cosine of the angle,
                        0..2) or, only where embeddings are not normalised, "euclidean" or
                        "sqeuclidean". fpr, tpr: shares of different and of same pairs accepted
        files           a list of {path, format, precision, batch_size, bytes, sha256, passed}.
                        path is relative to model.json. format: "saved_model", "litert" or "onnx".
                        precision: "fp32", "fp16", "dynamic" or "int8". batch_size: a number, or
                        null for any. passed: whether the file was within its tolerance when it
                        was compared with the Keras model; do not use it where it is false. A
                        SavedModel is a folder: its sha256 is null and it has `contents`, a list of
                        {path, bytes, sha256}. A file with integer output has `output`, {dtype,
                        scale, zero_point}: an embedding is (integer - zero_point) * scale
        versions        of Python and the packages that wrote the files
        commit          of the project, or null
        date            ISO 8601, UTC

    Every LiteRT file and the SavedModel have a signature "serving_default" from input.name to
    embedding.name; the ONNX graph's input and output have the same names.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        name: The model's name.
        files: What `file_entry` returned for each file, with `passed`.
        thresholds: `Calibration`s of the model's own embeddings. Where the exported ones are
            normalised, only those of the cosine distance still hold, and are kept.
        l2_normalize: Whether the exported embeddings have length 1.

    Returns:
        The dict.

    >>> from osnet_tf import OSNet
    >>> about = manifest(OSNet("osnet_x0_25", input_shape=(64, 32, 3)), "mine", [])
    >>> about["input"]["height"], about["embedding"]["size"], about["thresholds"]
    (64, 512, [])
    """
    height, width = model_size(embedder)
    where = provenance()
    return {
        "format_version": FORMAT_VERSION,
        "name": name,
        "preset": embedder.name,
        "input": {
            "name": "images",
            "height": height,
            "width": width,
            "channels": 3,
            "dtype": "uint8",
            "layout": "NHWC",
            "color_order": "RGB",
            "range": [0, 255],
            "normalization": "in the model",
            "resize": (
                "the whole crop to height x width, bilinear with half-pixel centres, antialiased "
                "where it shrinks (PIL.Image.resize with BILINEAR), rounded to integers"
            ),
        },
        "embedding": {
            "name": "embeddings",
            "size": embedder.output_shape[-1],
            "dtype": "float32",
            "l2_normalized": l2_normalize,
        },
        "thresholds": [
            calibration.to_dict()
            for calibration in thresholds
            if calibration.metric == "cosine" or not l2_normalize
        ],
        "files": list(files),
        "versions": where["versions"],
        "commit": where["commit"],
        "date": where["date"],
    }


def file_entry(artefact):
    """The entry of `files` for an `Artefact`, as `manifest` describes it, without `passed`."""
    path = Path(artefact.path)
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    contents = [
        {
            "path": file.relative_to(path.parent).as_posix(),
            "bytes": file.stat().st_size,
            "sha256": sha256(file),
        }
        for file in files
    ]
    entry = {
        "path": path.name,
        "format": artefact.format,
        "precision": artefact.precision,
        "batch_size": artefact.batch_size,
        "bytes": sum(one["bytes"] for one in contents),
        "sha256": None if path.is_dir() else contents[0]["sha256"],
    }
    if path.is_dir():
        entry["contents"] = contents
    if artefact.output:
        entry["output"] = dict(artefact.output)
    return entry
