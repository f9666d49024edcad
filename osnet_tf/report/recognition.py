"""Tables of attribute recognition and of classification."""

from collections.abc import Mapping
from typing import Any


def attribute_table(results: Mapping[str, Any]) -> str:
    """The dict of `results.json` of attribute recognition as a table.

    >>> rates = {"positive_rate": 0.5, "negative_rate": None}
    >>> figures = dict.fromkeys(("mA", "accuracy", "precision", "recall", "F1"), 0.25)
    >>> about = {"dataset": "pa100k", "num_images": 4, "attributes": {"Hat": rates}}
    >>> print(attribute_table({**figures, **about, "majority": figures}))
    dataset          mA  accuracy  precision  recall     F1
    pa100k        25.00     25.00      25.00   25.00  25.00
    (majority)    25.00     25.00      25.00   25.00  25.00
    attribute              found  spared
    Hat                    50.00       -
    pa100k: 4 images; found: of those that have it, spared: of those that have not
    (majority): saying of every image what most training images have
    """
    name = results["dataset"]
    width = max(12, len(name))
    lines = [
        f"{'dataset':<{width}}  {'mA':>5}  accuracy  precision  recall     F1",
        _attribute_figures(f"{name:<{width}}", results),
    ]
    notes = [
        f"{name}: {results['num_images']} images; found: of those that have it, spared: of those "
        "that have not"
    ]
    if results.get("best"):
        best = results["best"]
        notes[0] += f", best mA {100 * best['mA']:.2f} in epoch {best['epoch']}"
    if "majority" in results:
        lines.append(_attribute_figures(f"{'(majority)':<{width}}", results["majority"]))
        notes.append("(majority): saying of every image what most training images have")
    lines.append(f"{'attribute':<20}  {'found':>6}  {'spared':>6}")
    for attribute, rates in results["attributes"].items():
        cells = [
            f"{'-' if rate is None else format(100 * rate, '.2f'):>6}"
            for rate in (rates["positive_rate"], rates["negative_rate"])
        ]
        lines.append(f"{attribute:<20}  {'  '.join(cells)}")
    return "\n".join([*lines, *notes])


def _attribute_figures(start, found):
    return (
        f"{start}  {100 * found['mA']:>5.2f}  {100 * found['accuracy']:>8.2f}  "
        f"{100 * found['precision']:>9.2f}  {100 * found['recall']:>6.2f}  "
        f"{100 * found['F1']:>5.2f}"
    )


def class_table(results: Mapping[str, Any]) -> str:
    """The dict of `results.json` of classification as a table.

    >>> print(class_table({"dataset": "cifar10", "num_images": 4, "top1": 0.5, "top5": 1.0}))
    dataset        top-1   top-5
    cifar10        50.00  100.00
    cifar10: 4 images
    """
    name = results["dataset"]
    width = max(12, len(name))
    lines = [
        f"{'dataset':<{width}}  {'top-1':>6}  {'top-5':>6}",
        f"{name:<{width}}  {100 * results['top1']:>6.2f}  {100 * results['top5']:>6.2f}",
        f"{name}: {results['num_images']} images",
    ]
    if results.get("best"):
        best = results["best"]
        lines[-1] += f", best top-1 {100 * best['top1']:.2f} in epoch {best['epoch']}"
    return "\n".join(lines)
