"""What an evaluation leaves of a dataset: results of each query, pictures, and a page of HTML."""

from osnet_tf.evaluation.page import evaluation_page
from osnet_tf.files import as_file_name, whole_file
from osnet_tf.metrics import write_per_query
from osnet_tf.visualize.curves import draw_cmc, draw_distances, draw_roc


def write_evaluation(
    found, features, dataset, config, output_dir, *, per_query="csv", about=None, progress=None
):
    """Writes `NAME_DISTANCE_per_query.csv`, `NAME_cmc.png`, with verification `NAME_roc.png` and
    `NAME_distances.png`, and `NAME_report.html`.

    Args:
        found: An `Evaluation`.
        features, dataset, config: What `evaluate_features` was given.
        output_dir: A `pathlib.Path` of a folder; it exists.
        per_query: "csv" or "parquet".
        about: The dict of `results.json`, for the page; None for no page.
        progress: As for `evaluation_page`.
    """
    name = as_file_name(dataset.name)
    title = dataset.name if found.has_cameras else f"{dataset.name} (without cameras)"
    columns = {
        "path": [sample.path for sample in dataset.query],
        "pid": [sample.pid for sample in dataset.query],
        "camid": [sample.camid for sample in dataset.query],
    }
    for distance, ranking in found.rankings.items():
        path = output_dir / f"{name}_{distance}_per_query.{per_query}"
        write_per_query(path, ranking, **columns)
    pictures = {"CMC": output_dir / f"{name}_cmc.png"}
    draw_cmc(pictures["CMC"], found.rankings, title=title)
    if found.verifications:
        pictures["ROC"] = output_dir / f"{name}_roc.png"
        pictures["distances"] = output_dir / f"{name}_distances.png"
        draw_roc(pictures["ROC"], found.verifications, title=title)
        draw_distances(pictures["distances"], found.verifications, title=title)
    if about is not None:
        html = evaluation_page(found, features, dataset, config, pictures, about, progress)
        with whole_file(output_dir / f"{name}_report.html") as new:
            new.write_text(html, encoding="utf-8")
