"""Beside a stand-in of the authors' code, with the little of it that is used."""

import numpy as np
import pytest

from osnet_tf.imagenet_colours import IMAGENET_MEAN, IMAGENET_STD
from osnet_tf.public_code import open_public, public_network, public_step, save_public

torch = pytest.importorskip("torch")

CODE = """
from torch import nn


class Network(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.classifier = nn.Linear(3, num_classes)

    def load_state_dict(self, state):
        assert "conv1.conv.weight" in state and "fc.0.weight" in state

    def forward(self, x):
        means = x.mean((2, 3))
        return self.classifier(means) if self.training else means


def osnet_x0_25(num_classes, pretrained):
    assert not pretrained
    return Network(num_classes)
"""
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), "uint8")


@pytest.fixture
def checkout(tmp_path):
    path = tmp_path / "checkout" / "torchreid" / "models" / "osnet.py"
    path.parent.mkdir(parents=True)
    path.write_text(CODE)
    return tmp_path / "checkout"


def test_it_takes_the_same_pixels_and_weights(checkout, tmp_path):
    from osnet_tf import OSNet

    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=4)
    run = open_public(save_public(model, checkout, "osnet_x0_25", tmp_path))
    normalised = (IMAGES / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_allclose(run(IMAGES), normalised.mean((1, 2)), atol=1e-5)


def test_its_steps_learn(checkout):
    step = public_step(checkout, "osnet_x0_25", IMAGES, [0, 1, 2, 0, 1, 2])
    losses = [step() for _ in range(50)]
    assert losses[-1] < losses[0]
    assert 0.5 < losses[0] < 3  # of three classes by chance log(3)


def test_another_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is no checkout of KaiyangZhou/deep-person-reid"):
        public_network(tmp_path, "osnet_x0_25")
