"""Text that the commands print."""

from osnet_tf.report.benchmarks import (
    batch_table,
    cost_table,
    evaluator_table,
    latency_table,
    pixel_table,
    rate_table,
    search_table,
    throughput_table,
)
from osnet_tf.report.evaluations import (
    averages_table,
    counts_line,
    distance_name,
    results_table,
    score_cells,
)
from osnet_tf.report.exports import (
    export_cells,
    export_compared_on,
    export_table,
    milliseconds_per_image,
)
from osnet_tf.report.people import identity_table, matches_table
from osnet_tf.report.recipes import recipe_list, recipe_page
from osnet_tf.report.recognition import attribute_table, class_table
from osnet_tf.report.runs import next_steps, profile_table, sweep_table
from osnet_tf.report.tables import evaluation_tables

__all__ = [
    "attribute_table",
    "averages_table",
    "batch_table",
    "class_table",
    "cost_table",
    "counts_line",
    "distance_name",
    "evaluation_tables",
    "evaluator_table",
    "export_cells",
    "export_compared_on",
    "export_table",
    "identity_table",
    "latency_table",
    "matches_table",
    "milliseconds_per_image",
    "next_steps",
    "pixel_table",
    "profile_table",
    "rate_table",
    "recipe_list",
    "recipe_page",
    "results_table",
    "score_cells",
    "search_table",
    "sweep_table",
    "throughput_table",
]
