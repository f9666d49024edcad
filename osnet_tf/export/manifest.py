"""What `model.json` holds: all that a program must know to use the files that lie beside it."""

from osnet_tf.export.model_json import FORMAT_VERSION
from osnet_tf.preprocessing import describe_images
from osnet_tf.runs import provenance


def manifest(frozen, name, files, *, reports=(), thresholds=(), l2_normalize=False):
    """The contents of `model.json`, a dict that JSON can hold.

    Its keys, all of them always there::

        format_version  1; a reader refuses numbers that it does not know
        name            the model's name, that of its folder
        architecture    {preset, feature_dim, streams, lite, gate, stem, pooling, neck, widths,
                        stem_norm, instance_norms}: all that decides what is computed, the weights
                        apart; null for a network that is no OSNet
        fingerprint     SHA-256 over the Keras model's architecture, input size and weights
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
                        scale, zero_point}: an embedding is (integer - zero_point) * scale.
                        A file that takes other images than `input` says has an `input` of its own:
                        dtype, layout, color_order, range, normalization ("in the model", or "by
                        the program" with `mean` and `std` of values of 0..255)
        reports         a list of {path, bytes, sha256}: files for people, and those that a program
                        looks for beside a model's file
        versions        of Python and the packages that wrote the files
        commit          of the project, or null
        date            ISO 8601, UTC

    Every LiteRT file and the SavedModel have a signature "serving_default" from input.name to
    embedding.name; the ONNX graph's input and output have the same names.

    Args:
        frozen: The model: an `osnet_tf.export.frozen.Frozen`.
        name: The model's name.
        files: `Exported.entry()` of each file.
        reports: `stored_files` of each report.
        thresholds: `Calibration`s of the model's own embeddings. Where the exported ones are
            normalised, only those of the cosine distance still hold, and are kept.
        l2_normalize: Whether the exported embeddings have length 1.

    Returns:
        The dict.

    >>> from osnet_tf import OSNet
    >>> from osnet_tf.export.frozen import freeze
    >>> model = freeze(OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1, name="x"))
    >>> about = manifest(model, "mine", [])
    >>> about["architecture"]["preset"], about["architecture"]["streams"]
    ('osnet_x0_25', 1)
    >>> about["input"]["height"], about["embedding"]["size"], about["thresholds"]
    (64, 512, [])
    """
    where = provenance()
    return {
        "format_version": FORMAT_VERSION,
        "name": name,
        "architecture": frozen.architecture and frozen.architecture.to_dict(),
        "fingerprint": frozen.fingerprint,
        "input": {"name": "images", **describe_images(*frozen.size)},
        "embedding": {
            "name": "embeddings",
            "size": frozen.dim,
            "dtype": "float32",
            "l2_normalized": l2_normalize,
        },
        "thresholds": [
            calibration.to_dict()
            for calibration in thresholds
            if calibration.metric == "cosine" or not l2_normalize
        ],
        "files": list(files),
        "reports": list(reports),
        "versions": where["versions"],
        "commit": where["commit"],
        "date": where["date"],
    }
