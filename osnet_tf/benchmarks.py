"""The tables of `train/benchmark.py`: each function measures one and returns it as text."""

from osnet_tf import report
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import ranking_cost
from osnet_tf.progress_bar import progress_bar


def ablation(**_):
    """Parameters and multiply-adds of the paper's rows."""
    from osnet_tf.complexity import cost_table
    from osnet_tf.presets import ABLATIONS

    with progress_bar(True, len(ABLATIONS), "counting", unit="models") as count:
        return report.cost_table(cost_table(progress=count))


def pipeline(*, dataset, data_dir, size, **_):
    """Images that are read in a second, in several ways."""
    from osnet_tf.data import load_dataset
    from osnet_tf.data.throughput import measure_throughput

    paths = [sample.path for sample in load_dataset(dataset, data_dir).train]
    return report.throughput_table(measure_throughput(paths, size))


def pixels(*, model, dataset, data_dir, **_):
    """What other ways to read the query images do to their embeddings."""
    from osnet_tf.data import load_dataset
    from osnet_tf.embedding.decoders import compare_decoders
    from osnet_tf.weights import load_embedder

    if not model:
        raise ArgumentError("Give a .keras file. Received: model=None", argument="model")
    paths = [sample.path for sample in load_dataset(dataset, data_dir).query]
    with progress_bar(True, None, "embedding") as count:
        return report.pixel_table(compare_decoders(load_embedder(model), paths, progress=count))


def identities(*, model, dataset, data_dir, **_):
    """Test people clustered into identities, by average link and by DBSCAN."""
    from osnet_tf.identities.comparison import compare_clusterings
    from osnet_tf.identities.images import load_people

    if not model:
        raise ArgumentError("Give a .keras file. Received: model=None", argument="model")
    people = load_people(dataset, data_dir)
    rows = []
    with progress_bar(True, None, "clustering", unit="ways") as count:
        for row in compare_clusterings(model, people, show_progress=True):
            rows.append(row)
            count(1)
    return report.identity_table(
        [
            (
                f"{row.name}; threshold {row.threshold:.4f}, "
                f"best F1 {100 * row.best_f1:.2f}, {row.seconds:.1f} s",
                row.scores,
            )
            for row in rows
        ]
    )


def training(*, preset, size, batch_size, public_code, **_):
    """Images of the training loop in a second, and with --public_code of PyTorch."""
    from osnet_tf.training.step_rate import measure_step_rate

    rows = measure_step_rate(preset, size, batch_size=batch_size, public_code=public_code)
    return report.rate_table(rows)


def inference(*, preset, public_code, **_):
    """Batches of 1, 8 and 32 on the CPU runtimes, and with --public_code in PyTorch."""
    from osnet_tf.export.inference_rate import measure_inference

    return report.batch_table(measure_inference(preset, public_code=public_code))


def latency(*, preset, **_):
    """An image on the CPU runtimes."""
    from osnet_tf.export.runtimes import compare_preset

    return report.latency_table(compare_preset(preset))


def crops(*, preset, **_):
    """The people in a frame on the CPU runtimes."""
    from osnet_tf.export.crop_rate import measure_crops

    return report.latency_table(measure_crops(preset), "person", "people")


def ranking(*, size_of, features, **_):
    """Seconds and memory of ranking."""
    return _evaluation("ranking", size_of, features)


def reranking(*, size_of, features, **_):
    """Seconds and memory of re-ranking."""
    return _evaluation("reranking", size_of, features)


def search(*, crops, galleries, **_):
    """Time, memory and recall of searching --galleries of so many --crops."""
    from osnet_tf.search.cost import measure_search, stores_named

    numbers, names = [int(number) for number in crops], stores_named(galleries)
    with progress_bar(True, len(names) * len(numbers), "search", unit="galleries") as count:
        rows = []
        for number in numbers:
            for name in names:
                rows.append(measure_search(name, number))
                count(1)
    return report.search_table(rows)


def _evaluation(kind, size_of, features):
    made_up = None if features else ranking_cost.make_features(ranking_cost.SIZES[size_of])
    sets = made_up or ranking_cost.read_features(*features)
    with progress_bar(True, None, kind, unit="runs") as count:
        return report.evaluator_table([ranking_cost.measure_cost(kind, sets, progress=count)])


_FUNCTIONS = (
    *(ablation, pipeline, pixels, identities, training),
    *(inference, latency, crops, ranking, reranking, search),
)
#: Name -> function of keyword arguments, of which each takes what it needs.
TABLES = {function.__name__: function for function in _FUNCTIONS}
