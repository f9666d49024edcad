"""Models for others: loaded by name, from a folder or from the hub, and written to be published."""

import hashlib
import os

import keras

from osnet_tf.architecture import architecture_of, fingerprint, layer_names
from osnet_tf.errors import ArgumentError
from osnet_tf.files import whole_folder, write_json
from osnet_tf.model_card import model_card
from osnet_tf.models import OSNet
from osnet_tf.preprocessing import describe_images
from osnet_tf.runs import provenance
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.hub import CONFIG, PREPROCESSOR, WEIGHTS, find_preset
from osnet_tf.weights.keras_files import embedder_of
from osnet_tf.weights.preset_folder import (
    FORMAT,
    FORMAT_VERSION,
    load_preset_weights,
    read_preset,
)
from osnet_tf.weights.registry import find_entry


def from_preset(
    source: str | os.PathLike,
    *,
    input_shape: tuple[int | None, int | None, int] | None = None,
) -> keras.Model:
    """Loads a published embedder: architecture, image size and weights.

    What was downloaded is read like a stranger's file: its description, its checksum, each array of
    its weights and, at the size that it was saved with, the fingerprint of the model that came out
    are checked. Nothing in it is executed. From the hub only the files of a model are downloaded.

    Args:
        source: One of

            - a whole name of `osnet_tf.weights.PRETRAINED`, "osnet_x0_25_market1501", whose file is
              found as `osnet_tf.weights.resolve_weights` does;
            - a folder that `save_to_preset` wrote;
            - `hf://user/repo`, or `hf://user/repo@revision`, such a folder on the Hugging Face Hub
              (needs huggingface_hub: `pip install osnet_tf[hub]`).
        input_shape: `(height, width, 3)` of the images; that of the folder, or of a name 256x128,
            by default. Weights fit every size.

    Returns:
        A `keras.Model`, as `OSNet` returns.

    Raises:
        NotFoundError: there is no such folder, file or repository, or no way to reach it.
        FileError: a file is damaged or no regular one; it is named.
        WeightsError: the weights are not those that the description speaks of.
        ArgumentError: that is no source, or `input_shape` none that `OSNet` takes.
        MissingPackageError: huggingface_hub is not installed.

    Source: the folders of KerasHub's `from_preset` (keras.io/keras_hub).

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "mine")
    >>> save_to_preset(OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1), folder)
    >>> from_preset(folder).input_shape, from_preset(folder, input_shape=(96, 48, 3)).input_shape
    ((None, 64, 32, 3), (None, 96, 48, 3))
    """
    entry = find_entry(source)
    if entry is not None:
        shape = {} if input_shape is None else {"input_shape": input_shape}
        return OSNet(entry.preset, weights=entry.name, **shape)
    found = read_preset(find_preset(source))
    architecture = found.architecture
    model = OSNet(
        architecture.preset,
        input_shape=found.input_shape if input_shape is None else input_shape,
        feature_dim=architecture.feature_dim,
        streams=architecture.streams,
        lite=architecture.lite,
        gate=architecture.gate,
        stem=architecture.stem,
        pooling=architecture.pooling,
        neck=architecture.neck,
    )
    load_preset_weights(model, found.path)
    as_saved = keras.config.dtype_policy().name == found.dtype_policy
    if input_shape is None and as_saved and fingerprint(model) != found.fingerprint:
        raise WeightsError(
            found.path / WEIGHTS,
            f"gives another model than {CONFIG} speaks of: expected the fingerprint "
            f"{found.fingerprint:.64}, found {fingerprint(model)}",
        )
    return model


def save_to_preset(
    model: keras.Model,
    folder: str | os.PathLike,
    *,
    name: str | None = None,
    licence: str | None = None,
    trained_on: str | None = None,
    about: str = "",
) -> None:
    """Writes an embedder into a folder that can be published as it is.

    `config.json` holds the architecture, the images' size, the weights' checksum and the model's
    fingerprint; `model.weights.h5` the weights, by Keras; `preprocessor.json` what images the model
    takes; `README.md` a model card with the hub's header. The folder is there as a whole or not
    at all. `from_preset` loads it; `hf upload user/repo FOLDER` publishes it.

    Args:
        model: As `OSNet` or `add_classifier` returns, trained or loaded; a classifier is left out.
        folder: The folder to write; its parent exists, and nothing lies there yet.
        name: What to call the model; the architecture's name by default.
        licence: Of the weights, in the hub's spelling: "mit", "cc-by-nc-4.0". None: the card says
            that none is given.
        trained_on: The data, for the card: "ImageNet-1k, Market-1501 train".
        about: More for the card, in Markdown: figures with their protocol, limits.

    Raises:
        ArgumentError: the model is no OSNet, has layers of its own after the embedding, or a text
            is none.
        NotFoundError: the parent folder is not there.
        WriteError: something lies there already, or it cannot be written.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "mine")
    >>> save_to_preset(OSNet("osnet_x0_25", input_shape=(64, 32, 3)), folder, licence="mit")
    >>> sorted(path.name for path in folder.iterdir())
    ['README.md', 'config.json', 'model.weights.h5', 'preprocessor.json']
    """
    embedder = embedder_of(model)
    architecture = architecture_of(embedder)
    own = layer_names(architecture.stem, architecture.pooling, architecture.neck)
    if [layer.name for layer in embedder.layers][1:] != own:
        raise ArgumentError(
            f"The model {model.name!r} has layers besides those of {architecture}: the description "
            "of a published model has no words for them",
            argument="model",
        )
    name = name or architecture.preset
    card = model_card(
        embedder, architecture, name=name, licence=licence, trained_on=trained_on, about=about
    )
    record = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": name,
        "architecture": architecture.to_dict(),
        "input_shape": list(embedder.input_shape[1:]),
        "dtype_policy": embedder.get_layer("conv1").dtype_policy.name,
        "fingerprint": fingerprint(embedder),
    }
    where = provenance()
    with whole_folder(folder) as new:
        weights = new / WEIGHTS
        embedder.save_weights(weights)
        record["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
        record["versions"], record["date"] = where["versions"], where["date"]
        write_json(new / CONFIG, record)
        write_json(new / PREPROCESSOR, describe_images(*embedder.input_shape[1:3]))
        (new / "README.md").write_text(card, encoding="utf-8")
