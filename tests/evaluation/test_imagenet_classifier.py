"""The authors' ImageNet classifier, converted: it says of photographs what they show."""

import zipfile

import pytest

from osnet_tf import convert
from osnet_tf.data.classes import ClassDataset, ClassSample
from osnet_tf.evaluation import evaluate_predictor
from osnet_tf.weights.keras_files import load_keras
from tests.conftest import SHARED

WEIGHTS = SHARED / "weights" / "osnet_x0_25_imagenet.pth"
PHOTOGRAPHS = SHARED / "data" / "cifar10_jpeg.zip"
#: In the order of WordNet's sorted names, as the labels of the public weights are.
AIRLINER, CONTAINER_SHIP, MOVING_VAN = 404, 510, 675


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    for path in (WEIGHTS, PHOTOGRAPHS):
        if not path.exists():
            pytest.skip(f"{path} is not there")
    output = tmp_path_factory.mktemp("imagenet") / "classifier.keras"
    loaded = convert(WEIGHTS, output, classifier=True, input_shape=(224, 224, 3))
    assert loaded.num_classes == 1000
    return load_keras(output)


@pytest.mark.parametrize(
    ("folder", "label", "top1", "top5"),
    [
        ("truck", MOVING_VAN, 0.3, 0.6),
        ("airplane", AIRLINER, 0.03, 0.15),
        ("ship", CONTAINER_SHIP, 0.1, 0.2),
    ],
)
def test_small_photographs_are_often_recognised(classifier, tmp_path, folder, label, top1, top5):
    """Of 32x32 pixels, and classed by hand as one of a thousand: by chance 0.001 and 0.005."""
    samples = []
    with zipfile.ZipFile(PHOTOGRAPHS) as archive:
        for number in range(32):
            name = f"test/{folder}/{number:04}.jpg"
            samples.append(ClassSample(archive.extract(name, tmp_path), label))
    classes = tuple(str(number) for number in range(1000))
    found = evaluate_predictor(classifier, ClassDataset("photographs", classes, (), tuple(samples)))
    assert found["num_images"] == 32
    assert found["top1"] >= top1
    assert found["top5"] >= top5
