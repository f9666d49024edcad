"""Text that the commands print."""

from pathlib import Path

_NAMES = {"rank1": "Rank-1", "rank5": "Rank-5", "rank10": "Rank-10", "rank20": "Rank-20"}


def results_table(results):
    """The dict of `results.json` as a table.

    >>> values = {"rank1": 0.5, "rank5": 0.75, "rank10": 1.0, "rank20": 1.0, "mAP": 0.25}
    >>> counts = {"dataset": "demo", "num_query": 4, "num_gallery": 9}
    >>> print(results_table({**counts, "cosine": values}))
    demo: 4 queries, 9 gallery images
                 Rank-1   Rank-5  Rank-10  Rank-20      mAP
    cosine        50.00    75.00   100.00   100.00    25.00
    """
    columns = [*_NAMES, "mAP"]
    lines = [
        f"{results['dataset']}: {results['num_query']} queries, "
        f"{results['num_gallery']} gallery images",
        f"{'':<11}" + "".join(f"{_NAMES.get(c, c):>9}" for c in columns),
    ]
    for metric in ("euclidean", "cosine"):
        if metric in results:
            values = (f"{100 * results[metric][c]:9.2f}" for c in columns)
            lines.append(f"{metric:<11}" + "".join(values))
    return "\n".join(lines)


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
