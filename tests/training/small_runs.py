"""Runs that take a second or two: tiny demo people, a tiny model."""

from osnet_tf.data import generate_demo
from osnet_tf.training import make_config

SMALL = {
    "height": 32,
    "width": 16,
    "batch_size": 8,
    "epochs": 1,
    "streams": 1,
    "gate": "none",
    "warmup_epochs": 0,
}


def make_people(folder):
    """A `ReidDataset` of 4 training and 3 test people below a folder."""
    return generate_demo(folder, train_identities=4, test_identities=3, images_per_camera=2)


def config(data_dir=".", **settings):
    """The recipe demo, small."""
    return make_config("demo", **{"data_dir": str(data_dir), **SMALL, **settings})
