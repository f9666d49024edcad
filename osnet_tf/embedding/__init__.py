"""Embeddings of images: of files, of a folder, of arrays; and a file that holds them."""

from osnet_tf.embedding.files import embed_paths
from osnet_tf.embedding.folder import embed_folder
from osnet_tf.embedding.images import Embeddings, embed
from osnet_tf.embedding.inference import inference_function
from osnet_tf.embedding.loop import embed_batches

__all__ = [
    "Embeddings",
    "embed",
    "embed_batches",
    "embed_folder",
    "embed_paths",
    "inference_function",
]
