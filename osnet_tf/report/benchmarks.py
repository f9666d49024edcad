"""Tables of speed and cost."""

from collections.abc import Sequence
from typing import Any


def latency_table(rows: Sequence[Any], one: str = "thread", several: str = "threads") -> str:
    """What `osnet_tf.export.runtimes.compare_runtimes` returned, with ratios to the first row.

    Or `osnet_tf.export.crop_rate.measure_crops`, of one "person" and several "people".

    >>> from types import SimpleNamespace
    >>> rows = [SimpleNamespace(name=n, milliseconds={1: v}) for n, v in (("a", 2.0), ("b", 3.0))]
    >>> print(latency_table(rows))
    ms, 1 thread  ratio  what
            2.00   1.00  a
            3.00   1.50  b
    """
    threads = sorted(rows[0].milliseconds)
    titles = [f"ms, {n} {one if n == 1 else several}" for n in threads]
    lines = ["  ".join([*(f"{title}  ratio" for title in titles), "what"])]
    for row in rows:
        cells = [
            f"{row.milliseconds[n]:>{len(title)}.2f}  "
            f"{row.milliseconds[n] / rows[0].milliseconds[n]:>5.2f}"
            for n, title in zip(threads, titles, strict=True)
        ]
        lines.append("  ".join([*cells, row.name]))
    return "\n".join(lines)


def batch_table(rows: Sequence[Any]) -> str:
    """What `osnet_tf.export.inference_rate.measure_inference` returned.

    Of each batch size the median, the quartiles around it, and how many times the first row it is.

    >>> from types import SimpleNamespace
    >>> times = [("a", (1.0, 2.0, 2.5)), ("b", (2.5, 3.0, 4.0))]
    >>> print(batch_table([SimpleNamespace(name=n, milliseconds={8: q}) for n, q in times]))
      ms, batch 8    quartiles  ratio  what
             2.00   1.00..2.50   1.00  a
             3.00   2.50..4.00   1.50  b
    """
    batches = sorted(rows[0].milliseconds)
    lines = ["".join(f"{f'ms, batch {n}':>13}    quartiles  ratio" for n in batches) + "  what"]
    for row in rows:
        cells = []
        for batch in batches:
            low, median, high = row.milliseconds[batch]
            ratio = median / rows[0].milliseconds[batch][1]
            cells.append(f"{median:>13.2f}  {f'{low:.2f}..{high:.2f}':>11}  {ratio:>5.2f}")
        lines.append("".join(cells) + f"  {row.name}")
    return "\n".join(lines)


def rate_table(rows: Sequence[Any]) -> str:
    """What `osnet_tf.training.step_rate.measure_step_rate` returned, with ratios to the first row.

    >>> from types import SimpleNamespace
    >>> rates = [("a", 50.0, (45.0, 51.0)), ("b", 25.0, (24.0, 26.0))]
    >>> rows = [SimpleNamespace(name=n, images_per_second=v, span=s) for n, v, s in rates]
    >>> print(rate_table(rows))
     images/s  slowest..fastest  ratio  what
           50            45..51   1.00  a
           25            24..26   0.50  b
    """
    lines = [f"{'images/s':>9}  slowest..fastest  {'ratio':>5}  what"]
    for row in rows:
        ratio = row.images_per_second / rows[0].images_per_second
        span = "..".join(f"{rate:.0f}" for rate in row.span)
        lines.append(f"{row.images_per_second:>9.0f}  {span:>16}  {ratio:>5.2f}  {row.name}")
    return "\n".join(lines)


def pixel_table(rows: Sequence[Any]) -> str:
    """What `osnet_tf.embedding.decoders.compare_decoders` returned.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(name="BGR by mistake", cosine_min=0.25, cosine_mean=0.5)
    >>> print(pixel_table([row]))
    cosine min    mean  read by
       0.25000 0.50000  BGR by mistake
    """
    lines = [f"{'cosine min':>10} {'mean':>7}  read by"]
    lines += [f"{row.cosine_min:>10.5f} {row.cosine_mean:>7.5f}  {row.name}" for row in rows]
    return "\n".join(lines)


def cost_table(rows: Sequence[Any]) -> str:
    """What `osnet_tf.complexity.cost_table` returned, as a table.

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


def throughput_table(rows: Sequence[Any]) -> str:
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


def search_table(rows: Sequence[Any]) -> str:
    """`osnet_tf.search.cost.SearchCost`s as a table.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(name="SQLite", count=10000, add_seconds=1.5, milliseconds=5.0)
    >>> row.fastest, row.mebibytes, row.disk_mebibytes, row.recall = 4.0, 60.0, 25.0, 1.0
    >>> print(search_table([row]))
       crops   add s  ms/query  fastest      MiB  disk MiB  recall@10  what
       10000     1.5      5.00     4.00       60        25     1.0000  SQLite
    """
    lines = ["   crops   add s  ms/query  fastest      MiB  disk MiB  recall@10  what"]
    for row in rows:
        lines.append(
            f"{row.count:>8}  {row.add_seconds:>6.1f}  {row.milliseconds:>8.2f}  "
            f"{row.fastest:>7.2f}  {row.mebibytes:>7.0f}  {row.disk_mebibytes:>8.0f}  "
            f"{row.recall:>9.4f}  {row.name}"
        )
    return "\n".join(lines)


def evaluator_table(rows: Sequence[Any]) -> str:
    """`osnet_tf.metrics.ranking_cost.Cost`s as a table, with ratios to the first row.

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
