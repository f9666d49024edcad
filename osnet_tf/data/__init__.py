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
)
from osnet_tf.data.demo import generate_demo, read_demo
from osnet_tf.data.held_out import hold_out
from osnet_tf.data.image_files import ImageError, ImageListing, images_below
from osnet_tf.data.layouts import read_market_layout
from osnet_tf.data.market1501 import read_market1501
from osnet_tf.data.merging import merge_datasets
from osnet_tf.data.registry import (
    dataset_names,
    load_dataset,
    load_datasets,
    register_dataset,
)
from osnet_tf.data.sampling import identity_batches, random_batches
from osnet_tf.data.sheets import contact_sheet

__all__ = [
    "DatasetLayoutError",
    "DatasetNotFoundError",
    "ImageError",
    "ImageListing",
    "ReidDataset",
    "Sample",
    "SplitCounts",
    "combine_all",
    "contact_sheet",
    "dataset_names",
    "generate_demo",
    "hold_out",
    "identity_batches",
    "images_below",
    "load_dataset",
    "load_datasets",
    "merge_datasets",
    "random_batches",
    "read_demo",
    "read_market1501",
    "read_market_layout",
    "register_dataset",
]
