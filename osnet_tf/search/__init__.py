"""A gallery of embeddings that people are searched for in."""

from osnet_tf.search.adding import Added
from osnet_tf.search.gallery import Gallery
from osnet_tf.search.records import Crop, Match

__all__ = ["Added", "Crop", "Gallery", "Match"]
