"""Rank-1 and mAP for users of Keras's fit."""

import keras
import numpy as np
import pytest

from osnet_tf.data import ReidDataset, generate_demo
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import EvaluationConfig, ReidEvaluation, evaluate
from osnet_tf.losses import BatchHardTripletLoss, LabelSmoothedCrossEntropy
from osnet_tf.models import OSNet, add_classifier


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return generate_demo(folder, train_identities=2, test_identities=3, images_per_camera=2)


@pytest.fixture
def embedder():
    keras.utils.set_random_seed(0)
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


def fit(model, targets, callbacks, epochs=2):
    """Keras's history of a few steps on random images of two people."""
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 16, 3), "uint8")
    return model.fit(images, targets, epochs=epochs, verbose=0, callbacks=callbacks).history


LABELS = np.array([0, 0, 1, 1])


class Kept(keras.callbacks.Callback):
    """What stands in the logs behind an evaluation, and the embedder's own figures then."""

    def __init__(self, embedder, dataset):
        super().__init__()
        self.embedder, self.dataset, self.logs, self.expected = embedder, dataset, [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append((logs["rank1"], logs["mAP"]) if "mAP" in logs else None)
        scores = evaluate(self.embedder, self.dataset).scores["cosine"]
        self.expected.append((scores.rank1, scores.mAP))


def test_a_classifiers_embedding_is_evaluated_each_epoch(embedder, demo):
    model = add_classifier(embedder, 2)
    model.compile(
        keras.optimizers.SGD(0.5),
        loss={"logits": LabelSmoothedCrossEntropy()},
        jit_compile=False,
    )
    kept = Kept(embedder, demo)
    history = fit(model, {"logits": LABELS}, [ReidEvaluation(demo, metric="cosine"), kept])
    assert kept.logs == kept.expected
    assert list(zip(history["rank1"], history["mAP"], strict=True)) == kept.expected


def test_an_embedders_own_output_every_second_epoch(embedder, demo):
    embedder.compile("sgd", loss=BatchHardTripletLoss(), jit_compile=False)
    kept = Kept(embedder, demo)
    fit(embedder, LABELS, [ReidEvaluation(demo, metric="cosine", every=2), kept])
    assert kept.logs == [None, kept.expected[1]]


def test_what_cannot_be_evaluated_is_refused_before_training(embedder, demo):
    with pytest.raises(ArgumentError, match="has no query images"):
        ReidEvaluation(ReidDataset("empty", demo.train, (), ()))
    with pytest.raises(ValueError, match="`rerank_k1` must be <"):
        ReidEvaluation(demo, EvaluationConfig(rerank=True, rerank_k1=1000))
    with pytest.raises(ArgumentError, match="`every` must be an integer >= 1"):
        ReidEvaluation(demo, every=0)
    with pytest.raises(ArgumentError, match="`metric` must be one of"):
        ReidEvaluation(demo, metric="sqeuclidean")
    outputs = {"a": embedder.output, "b": embedder.output}
    model = keras.Model(embedder.inputs, outputs)
    with pytest.raises(ArgumentError, match=r"no output 'embedding'.*outputs \['a', 'b'\]"):
        ReidEvaluation(demo).set_model(model)
    given = ReidEvaluation(demo, embedder=embedder)
    given.set_model(model)
    logs = {}
    given.on_epoch_end(0, logs)
    assert logs["mAP"] == evaluate(embedder, demo).scores["euclidean"].mAP
