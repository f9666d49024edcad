"""Tables of evaluations of any task."""

from collections.abc import Mapping, Sequence
from typing import Any

from osnet_tf.report.evaluations import results_table
from osnet_tf.report.recognition import attribute_table, class_table


def evaluation_tables(results: Sequence[Mapping[str, Any]]) -> str:
    """What `osnet_tf.evaluation.evaluate_source` found on each dataset, whatever was judged.

    Args:
        results: Sequence of dicts of `results.json`.
    """
    tables = {"mA": attribute_table, "top1": class_table}
    others = [one for one in results if not tables.keys() & one]
    parts = [results_table(*others)] if others else []
    for one in results:
        parts += [table(one) for figure, table in tables.items() if figure in one]
    return "\n".join(parts)
