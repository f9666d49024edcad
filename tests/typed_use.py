"""How users call the package, for `make lint`: mypy has to find these names and these types.

Nothing runs this; `assert_type` is about what type checkers find.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np

import osnet_tf
from osnet_tf import CropEmbedder, Gallery, metrics
from osnet_tf.embedding import Embeddings
from osnet_tf.evaluation import Evaluation, EvaluationConfig
from osnet_tf.export import ExportConfig, export_run
from osnet_tf.losses import BatchHardTripletLoss, LossTerm, WeightedLosses
from osnet_tf.metrics import RankingResult
from osnet_tf.search.records import Match
from osnet_tf.training import FitResult, fit, make_config
from osnet_tf.weights import Loaded, read_checkpoint


def use(folder: Path) -> None:
    model = osnet_tf.OSNet("osnet_x0_25", weights=folder / "a.keras", input_shape=(None, None, 3))
    published = osnet_tf.from_preset("hf://user/repo")
    assert_type(osnet_tf.save_to_preset(published, folder), None)
    assert_type(osnet_tf.architecture_of(model).widths, tuple[int, int, int, int])
    assert_type(osnet_tf.convert("a.pth", "a.keras"), Loaded)
    assert_type(read_checkpoint("a.pth").arrays, dict[str, np.ndarray])

    assert_type(osnet_tf.embed(model, [folder / "a.jpg"]), Embeddings)
    assert_type(CropEmbedder(model).get_features([[0, 0, 9, 9]], np.zeros((9, 9, 3))), np.ndarray)
    dataset = osnet_tf.load_dataset("market1501", folder)
    assert_type(osnet_tf.evaluate(model, dataset, EvaluationConfig(rerank=True)), Evaluation)
    features = np.zeros((2, 8))
    ranked = metrics.rank(features, features, [1, 2], [1, 2], [0, 0], [1, 1], max_rank=2)
    assert_type(ranked, RankingResult)
    assert_type(ranked.rank_k(1), float)

    config = make_config("demo", epochs=3)
    assert_type(fit(config, folder), FitResult | None)
    assert_type(export_run(folder, config=ExportConfig()), dict[str, Any])
    WeightedLosses([LossTerm("embedding", "identity", BatchHardTripletLoss(margin=0.3))])
    with Gallery.open(folder / "people.sqlite", model) as gallery:
        assert_type(gallery.search(features[0], k=5), list[Match])
