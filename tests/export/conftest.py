"""One small embedder and one small dataset for the tests of all formats."""

import keras
import numpy as np
import pytest

SIZE = (64, 32)


@pytest.fixture(scope="session")
def small_embedder():
    """OSNet x0.25 at 64x32 with batch norms and gates that do something, as after training."""
    from osnet_tf.export.inference_rate import as_if_trained
    from osnet_tf.models import OSNet

    keras.utils.set_random_seed(1)
    return as_if_trained(OSNet("osnet_x0_25", input_shape=(*SIZE, 3)), seed=1)


@pytest.fixture(scope="session")
def frozen(small_embedder):
    from osnet_tf.export.frozen import freeze

    return freeze(small_embedder)


@pytest.fixture(scope="session")
def demo_people(tmp_path_factory):
    from osnet_tf.data.demo import generate_demo

    return generate_demo(
        tmp_path_factory.mktemp("data"), train_identities=2, test_identities=3, images_per_camera=2
    )


@pytest.fixture(scope="session")
def crops():
    """uint8 images of the model's size."""
    return np.random.default_rng(2).integers(0, 256, (7, *SIZE, 3), "uint8")


@pytest.fixture(scope="session")
def any_size():
    """A model that takes images of any size, which no format can have."""
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
