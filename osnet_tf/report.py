"""Text that the commands print."""

from pathlib import Path

_NAMES = {"rank1": "Rank-1", "rank5": "Rank-5", "rank10": "Rank-10", "rank20": "Rank-20"}
_DISTANCES = {
    "euclidean": "Euclidean",
    "cosine": "cosine",
    "euclidean_reranked": "Euclidean, re-ranked",
    "cosine_reranked": "cosine, re-ranked",
}


def results_table(*results):
    """The dict of `results.json` as a table; several datasets make one table.

    >>> values = {"rank1": 0.5, "rank5": 0.75, "rank10": 1.0, "rank20": 1.0, "mAP": 0.25}
    >>> values["mINP"] = 0.125
    >>> counts = {"dataset": "demo", "num_query": 4, "num_gallery": 9, "num_unmatched_query": 1}
    >>> print(results_table({**counts, "cosine": values}))
    dataset  distance                Rank-1   Rank-5  Rank-10  Rank-20      mAP     mINP
    demo     cosine                   50.00    75.00   100.00   100.00    25.00    12.50
    demo: 4 queries, of which 1 without a match, 9 gallery images
    """
    width = max(7, *(len(one["dataset"]) for one in results))
    columns = [*_NAMES, "mAP", "mINP"]
    lines = [
        f"{'dataset':<{width}}  {'distance':<20}"
        + "".join(f"{_NAMES.get(column, column):>9}" for column in columns)
    ]
    for one in results:
        for key, name in _DISTANCES.items():
            if key in one:
                values = "".join(f"{100 * one[key][column]:9.2f}" for column in columns)
                lines.append(f"{one['dataset']:<{width}}  {name:<20}{values}")
        for key, name in _DISTANCES.items():
            if "single_shot" in one.get(key, ()):
                lines.append(_single_shot_line(one, key, f"{one['dataset']:<{width}}  {name:<20}"))
    for one in results:
        lines += _verification_lines(one, width)
    return "\n".join([*lines, *map(_counts_line, results)])


def _single_shot_line(one, key, start):
    found = one[key]["single_shot"]
    values = "".join(f"{100 * found[column]:9.2f}" for column in _NAMES)
    deviation = f" +- {100 * found['rank1_std']:.2f}" if "rank1_std" in found else ""
    return f"{start}{values}  one gallery image a person, {found['repeats']} draws{deviation}"


def _verification_lines(one, width):
    """Which distance means "same person", one line for each distance and false-positive rate."""
    lines = []
    for metric, found in one.get("verification", {}).items():
        start = f"{one['dataset']:<{width}}  {_DISTANCES[metric]:<20}"
        lines.append(f"{start} same person? equal error rate {found['eer']:.2%}")
        lines += [
            f"{start}   up to distance {at['threshold']:8.4f}: true positives {at['tpr']:7.2%}, "
            f"false positives {at['fpr']:.4%}"
            for at in found["at_fpr"].values()
        ]
    return lines


def _counts_line(one):
    parts = [f"{one['num_query']} queries"]
    if one["num_unmatched_query"]:
        parts.append(f"of which {one['num_unmatched_query']} without a match")
    parts.append(f"{one['num_gallery']} gallery images")
    if one.get("num_distractors"):
        parts.append(f"{one['num_distractors']} of them distractors")
    if one.get("trained_on"):
        parts.append("THESE PEOPLE WERE TRAINED ON (combine_all)")
    return f"{one['dataset']}: {', '.join(parts)}"


def export_table(artefacts):
    """What `export` returned, as a table of files, sizes and agreement with the Keras model."""
    lines = [f"{'artefact':<12}  {'MiB':>6}  {'cosine':>8}  path"]
    for name, (path, cosine) in artefacts.items():
        lines.append(f"{name:<12}  {_mebibytes(path):6.2f}  {cosine:8.6f}  {path}")
    return "\n".join(lines)


def cost_table(rows):
    """What `osnet_tf.ablations.cost_table` returned, as a table.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(name="streams_1", about="T = 1", parameters=5, multiply_adds=1234)
    >>> print(cost_table([row]))
    name                  parameters   multiply-adds  what it is
    streams_1                      5           1,234  T = 1
    """
    lines = [f"{'name':<20}  {'parameters':>10}  {'multiply-adds':>14}  what it is"]
    for row in rows:
        lines.append(
            f"{row.name:<20}  {row.parameters:>10,}  {row.multiply_adds:>14,}  {row.about}"
        )
    return "\n".join(lines)


def throughput_table(rows):
    """What `osnet_tf.data.throughput.measure_throughput` returned, with ratios to the first row.

    >>> from types import SimpleNamespace
    >>> rows = [SimpleNamespace(name=n, images_per_second=v) for n, v in (("a", 50), ("b", 25))]
    >>> print(throughput_table(rows))
     images/s  ratio  what
           50   1.00  a
           25   0.50  b
    """
    lines = [f"{'images/s':>9}  {'ratio':>5}  what"]
    for row in rows:
        ratio = row.images_per_second / rows[0].images_per_second
        lines.append(f"{row.images_per_second:>9.0f}  {ratio:>5.2f}  {row.name}")
    return "\n".join(lines)


def evaluator_table(rows):
    """What `osnet_tf.metrics.benchmark.compare` returned, with ratios to the first row.

    >>> from types import SimpleNamespace
    >>> figures = {"seconds": 2.0, "mebibytes": 100.0, "mAP": 0.5}
    >>> print(evaluator_table([SimpleNamespace(name="osnet_tf", **figures)]))
    seconds   ratio      MiB   ratio    mAP  what
       2.00    1.00      100    1.00  50.00  osnet_tf
    """
    least = max(rows[0].mebibytes, 1)
    lines = [f"{'seconds':>7}  {'ratio':>6}  {'MiB':>7}  {'ratio':>6}  {'mAP':>5}  what"]
    for row in rows:
        lines.append(
            f"{row.seconds:>7.2f}  {row.seconds / rows[0].seconds:>6.2f}  {row.mebibytes:>7.0f}  "
            f"{row.mebibytes / least:>6.2f}  {100 * row.mAP:>5.2f}  {row.name}"
        )
    return "\n".join(lines)


def next_steps(run_dir):
    """What lies in a run's directory, and what one may type next."""
    return "\n".join(
        [
            f"model      {run_dir}/embedder.keras    results  {run_dir}/results.json",
            f"curves     tensorboard --logdir={run_dir}/tensorboard    ({run_dir}/metrics.csv)",
            f"evaluate   python train/evaluate.py --run_dir={run_dir}",
            f"export     python train/export.py --run_dir={run_dir}",
            f"in Python  import osnet_tf, keras; "
            f'keras.models.load_model("{run_dir}/embedder.keras")',
        ]
    )


def _mebibytes(path):
    path = Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20
