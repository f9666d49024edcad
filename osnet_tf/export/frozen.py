"""One trace of a model's inference, from which every format is made.

Tracing a Keras model costs ten times what writing a file costs, and Keras's own exporters trace
it again for each endpoint. So it is traced once (the same graph that `embed` runs), its weights
become constants, and the formats share that graph.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from osnet_tf.architecture import Architecture, architecture_of, fingerprint
from osnet_tf.embedding import inference_function
from osnet_tf.errors import ArgumentError, WriteError
from osnet_tf.export.input_spec import PIXELS, InputSpec
from osnet_tf.models import model_size

SIGNATURE = "serving_default"
INPUT_NAME = "images"
OUTPUT_NAME = "embeddings"


@dataclass(frozen=True, eq=False)
class Frozen:
    """A model's inference with the weights that it had, and all that the formats say about it.

    Attributes:
        function: A concrete function without variables, from images as `takes` says, any batch but
            0, to float32 `(batch, dim)`.
        size: `(height, width)` of the images.
        dim: Length of an embedding.
        name: The Keras model's.
        architecture: An `Architecture`; None for a model that is no OSNet.
        fingerprint: The Keras model's, as `osnet_tf.architecture.fingerprint` gives it.
        takes: The `InputSpec` of the images; uint8 RGB `(batch, height, width, 3)` by default.
        texts: What else `metadata` holds, for a program that looks for it.
    """

    function: Any  # a concrete `tf.function`
    size: tuple[int, int]
    dim: int
    name: str
    architecture: Architecture | None
    fingerprint: str
    takes: InputSpec = PIXELS
    texts: Mapping[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        """What a file of it says about itself where its format has a place for texts."""
        return {
            "name": self.name,
            "architecture": str(self.architecture or ""),
            "fingerprint": self.fingerprint,
            "input": json.dumps(self.takes.describe()),
            **self.texts,
        }

    def named_function(self, batch_size: int | None = None, *, floats: bool = False) -> Any:
        """A `tf.function` from `images` to `{"embeddings": ...}`, with a fixed batch or any (None).

        Its graph is the frozen one itself, not a call of it, with the shapes that follow from the
        batch: converters then see plain operators. With `floats`, for a graph that takes pixels, it
        takes float32 ones and has no cast.
        """
        graph = self.function.graph.as_graph_def()
        source, result = self.function.inputs[0], self.function.outputs[0]
        spec = _tensor_spec(self.takes, batch_size, self.size)
        if floats:
            [cast] = source.consumers()
            source, spec = cast.outputs[0], tf.TensorSpec(spec.shape, tf.float32, INPUT_NAME)

        @tf.function(input_signature=[spec], autograph=False)
        def embed(images):
            (outputs,) = tf.graph_util.import_graph_def(
                graph, {source.name: images}, [result.name], name=""
            )
            # Told, not checked in the graph: converters of other programs know no such check
            outputs.set_shape((batch_size, self.dim))
            return {OUTPUT_NAME: outputs}

        return embed


def freeze(model: keras.Model, takes: InputSpec = PIXELS) -> Frozen:
    """The model's inference as a graph without variables.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size; or a `Frozen`, which is
            given back.
        takes: The `InputSpec` of what the graph is to take.

    Returns:
        `Frozen`. It keeps the weights that the model has now.

    Raises ArgumentError if the model takes images of any size, has several outputs, or Keras runs
    on another backend than TensorFlow.

    >>> from osnet_tf import OSNet
    >>> frozen = freeze(OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1))
    >>> len(frozen.function.variables), frozen.size, frozen.dim, frozen.architecture.streams
    (0, (64, 32), 512, 1)
    """
    if isinstance(model, Frozen):
        return model
    if keras.backend.backend() != "tensorflow":
        raise ArgumentError(
            "Exports are made on Keras's TensorFlow backend: save the model as .keras and export "
            f"it with KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND={keras.backend.backend()}"
        )
    size = model_size(model)
    concrete = inference_function(model).get_concrete_function()
    if takes != PIXELS:
        concrete = _taking(model, takes).get_concrete_function()
    return Frozen(
        convert_variables_to_constants_v2(concrete),
        size,
        model.output_shape[-1],
        model.name,
        _architecture(model),
        fingerprint(model),
        takes,
    )


def _taking(model, takes):
    """The model's inference as a `tf.function` of other images than pixels."""
    last = keras.Model(model.get_layer("normalization").output, model.output)

    @tf.function(input_signature=[_tensor_spec(takes, None, model_size(model))], autograph=False)
    def embed(images):
        if takes.layout == "nchw":
            images = tf.transpose(images, (0, 2, 3, 1))
        if takes.normalization == "outside":
            return last(images, training=False)
        if takes.normalization == "unit":  # folded into what the normalisation multiplies by
            images = images * 255.0
        return model(images, training=False)

    return embed


def _tensor_spec(takes, batch_size, size):
    return tf.TensorSpec(takes.shape(batch_size, size), takes.numpy_dtype, name=INPUT_NAME)


def with_unit_length(embedder):
    """The model with its embeddings divided by their Euclidean length."""
    # `layers.unit_length` takes care of gradients too, by comparisons that XNNPACK leaves out: one
    # partition would become three
    output = keras.layers.UnitNormalization(axis=-1, dtype="float32", name="unit_length")
    return keras.Model(embedder.input, output(embedder.output), name=embedder.name)


def save_module(module, directory, signatures):
    """Writes a SavedModel; raises WriteError where TensorFlow says that it cannot be written."""
    try:
        tf.saved_model.save(module, str(directory), signatures=signatures)
    except tf.errors.OpError as error:
        raise WriteError(directory, error.message) from error


def _architecture(model):
    try:
        return architecture_of(model)
    except ArgumentError:  # somebody's own network
        return None
