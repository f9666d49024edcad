"""One trace of a model's inference, from which every format is made.

Tracing a Keras model costs ten times what writing a file costs, and Keras's own exporters trace
it again for each endpoint. So it is traced once (the same graph that `embed` runs), its weights
become constants, and the formats share that graph.
"""

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from osnet_tf.embedding import inference_function

SIGNATURE = "serving_default"
INPUT_NAME = "images"
OUTPUT_NAME = "embeddings"


def freeze(embedder):
    """The model's inference as a graph without variables.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.

    Returns:
        A concrete function from uint8 RGB `(batch, height, width, 3)`, any batch but 0, to float32
        `(batch, feature_dim)`. It keeps the weights that the model has now.

    Raises ValueError if the model takes images of any size.

    >>> from osnet_tf import OSNet
    >>> frozen = freeze(OSNet("osnet_x0_25", input_shape=(64, 32, 3)))
    >>> len(frozen.variables), frozen.outputs[0].shape
    (0, TensorShape([None, 512]))
    """
    return convert_variables_to_constants_v2(inference_function(embedder).get_concrete_function())


def named_function(frozen, batch_size=None):
    """A `tf.function` from `images` to `{"embeddings": ...}`, with a fixed batch or any (None).

    Its graph is the frozen one itself, not a call of it, with the shapes that follow from the
    batch: converters then see plain operators.
    """
    graph = frozen.graph.as_graph_def()
    source, result = frozen.inputs[0], frozen.outputs[0]
    shape = (batch_size, *source.shape[1:])

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8, name=INPUT_NAME)], autograph=False)
    def embed(images):
        outputs = tf.graph_util.import_graph_def(
            graph, {source.name: images}, [result.name], name=""
        )
        return {OUTPUT_NAME: tf.ensure_shape(outputs[0], (batch_size, result.shape[-1]))}

    return embed
