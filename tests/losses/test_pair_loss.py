"""A loss of one's own on pairs of images: one class."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from osnet_tf.losses import LossTerm, PairLoss, WeightedLosses, pairwise_distances
from tests.layer_test_kit import is_tensorflow, random_input
from tests.losses.test_in_compile import PIDS, fit, make_embedder


@keras.saving.register_keras_serializable(package="tests")
class ContrastiveLoss(PairLoss):
    def anchor_losses(self, pairs):
        distances = pairwise_distances(pairs.anchors, pairs.others)
        near = ops.where(pairs.positive, ops.square(distances), 0.0)
        far = ops.where(pairs.negative, ops.square(ops.relu(1.0 - distances)), 0.0)
        return ops.sum(near + far, axis=1)


def by_loops(pids, x):
    total = 0.0
    for i, pid in enumerate(pids):
        for j, other in enumerate(pids):
            distance = np.linalg.norm(x[i] - x[j])
            if i != j:
                total += distance**2 if pid == other else max(1 - distance, 0) ** 2
    return total / len(pids)


@pytest.mark.parametrize("pids", [[0, 0, 1, 1, 2], [0, 0, 0, 0, 0], [0, 1, 2, 3, 4]])
def test_its_value(pids):
    x = 0.5 * random_input((5, 3))
    found = float(ContrastiveLoss()(np.array(pids), x))
    assert found == pytest.approx(by_loops(pids, x), rel=1e-5)


# as in test_in_compile.py: Keras and NumPy 2, here for the optimizer's learning rate
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_it_trains_in_compile_and_comes_back_from_a_file(tmp_path):
    model = make_embedder()
    before, after = fit(model, ContrastiveLoss(), PIDS, steps=25)
    assert after < 0.5 * before
    model.save(tmp_path / "x.keras")
    assert type(keras.models.load_model(tmp_path / "x.keras").loss) is ContrastiveLoss


def test_it_is_a_term_of_a_weighted_sum():
    x, pids = random_input((6, 4)), np.array([0, 0, 1, 1, 2, 2])
    losses = WeightedLosses([LossTerm("embedding", "identity", ContrastiveLoss(), 0.25)])
    total, parts = losses({"identity": pids}, {"embedding": x})
    assert losses.names == ("contrastive_loss",)
    assert float(parts["contrastive_loss"]) == pytest.approx(by_loops(pids, x), rel=1e-5)
    assert float(total) == pytest.approx(0.25 * by_loops(pids, x), rel=1e-5)


def test_its_settings():
    loss = ContrastiveLoss(mining="global", name="pairs", reduction="sum")
    config = json.loads(json.dumps(loss.get_config()))
    assert ContrastiveLoss.from_config(config).get_config() == loss.get_config()
    assert (loss.mining, loss.name) == ("global", "pairs")
    with pytest.raises(ValueError, match=r"`mining` must be one of .* Received: mining='batch'"):
        ContrastiveLoss(mining="batch")


def test_the_base_class_is_no_loss():
    with pytest.raises(TypeError, match=r"abstract class PairLoss .*anchor_losses"):
        PairLoss()


@pytest.mark.skipif(not is_tensorflow(), reason="bfloat16 labels are TensorFlow's trap")
def test_labels_are_not_rounded_in_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    pids, x = np.array([750, 751]), np.array([[0.0], [0.5]], "float32")
    assert float(ContrastiveLoss()(pids, x)) == pytest.approx(0.25)
