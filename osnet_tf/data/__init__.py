"""Datasets, the generated demo set and the samplers: NumPy and Pillow only.

The TensorFlow side (`osnet_tf.data.pipeline`, `osnet_tf.data.augmentation`) is imported by its own
name, never from here.
"""

from osnet_tf.data.dataset import (
    DatasetLayoutError,
    DatasetNotFoundError,
    ReidDataset,
    Sample,
    SplitCounts,
    combine_all,
    dataset_names,
    load_dataset,
)
from osnet_tf.data.demo import demo_sheet, generate_demo, read_demo
from osnet_tf.data.held_out import hold_out
from osnet_tf.data.image_files import ImageError, ImageListing, images_below
from osnet_tf.data.market1501 import read_market1501, read_market_layout
from osnet_tf.data.sampling import identity_batches, random_batches

__all__ = [
    "DatasetLayoutError",
    "DatasetNotFoundError",
    "ImageError",
    "ImageListing",
    "ReidDataset",
    "Sample",
    "SplitCounts",
    "combine_all",
    "dataset_names",
    "demo_sheet",
    "generate_demo",
    "hold_out",
    "identity_batches",
    "images_below",
    "load_dataset",
    "random_batches",
    "read_demo",
    "read_market1501",
    "read_market_layout",
]
