"""Tables of re-identification: what an evaluation found."""

from collections.abc import Mapping
from typing import Any

_NAMES = {"rank1": "Rank-1", "rank5": "Rank-5", "rank10": "Rank-10", "rank20": "Rank-20"}
_DISTANCES = {
    "euclidean": "Euclidean",
    "cosine": "cosine",
    "euclidean_reranked": "Euclidean, re-ranked",
    "cosine_reranked": "cosine, re-ranked",
}


def results_table(*results: Mapping[str, Any]) -> str:
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
    titles = score_cells({})[0][1:]
    lines = [f"{'dataset':<{width}}  {'distance':<20}" + "".join(f"{one:>9}" for one in titles)]
    for one in results:
        for name, *cells in score_cells(one)[1]:
            values = "".join(f"{cell:>9}" for cell in cells)
            lines.append(f"{one['dataset']:<{width}}  {name:<20}{values}")
        for key, name in _DISTANCES.items():
            if "single_shot" in one.get(key, ()):
                lines.append(_single_shot_line(one, key, f"{one['dataset']:<{width}}  {name:<20}"))
    for one in results:
        lines += _verification_lines(one, width)
    for one in results:
        lines += [
            f"{one['dataset']}: {counts_line(one)}",
            *(f"{one['dataset']}: {note}" for note in one.get("notes", ())),
        ]
    return "\n".join(lines)


def score_cells(one: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The figures of a dict of `results.json` as texts.

    Returns:
        `(titles, rows)`: lists of str, the distance first; a row for each distance.

    >>> values = dict.fromkeys(("rank1", "rank5", "rank10", "rank20", "mAP", "mINP"), 0.5)
    >>> titles, [row] = score_cells({"cosine": values})
    >>> titles[:2], row[:2]
    (['distance', 'Rank-1'], ['cosine', '50.00'])
    """
    columns = [*_NAMES, "mAP", "mINP"]
    rows = [
        [name, *(f"{100 * one[key][column]:.2f}" for column in columns)]
        for key, name in _DISTANCES.items()
        if key in one
    ]
    return ["distance", *(_NAMES.get(column, column) for column in columns)], rows


def distance_name(key: str) -> str:
    """What a distance is called in text.

    >>> distance_name("cosine_reranked")
    'cosine, re-ranked'
    """
    return _DISTANCES[key]


def _single_shot_line(one, key, start):
    found = one[key]["single_shot"]
    values = "".join(f"{100 * found[column]:9.2f}" for column in _NAMES)
    deviation = f" +- {100 * found['rank1_std']:.2f}" if "rank1_std" in found else ""
    return f"{start}{values}  one gallery image a person, {found['repeats']} draws{deviation}"


def averages_table(averages: Mapping[str, Any]) -> str:
    """The `averages` of `results.json` as a table: means over splits and their deviations.

    >>> figure = {"mean": 0.5, "std": 0.0125}
    >>> figures = dict.fromkeys(("rank1", "rank5", "rank10", "rank20", "mAP", "mINP"), figure)
    >>> table = averages_table({"viper": {"splits": ["viper:0", "viper:1"], "cosine": figures}})
    >>> for line in table.splitlines():
    ...     print(line[:60].rstrip())
    mean of  distance                    Rank-1        Rank-5
    viper    cosine                  50.00 1.25    50.00 1.25
    viper: 2 splits; beside each mean its standard deviation
    """
    width = max(7, *map(len, averages))
    columns = [*_NAMES, "mAP", "mINP"]
    titles = "".join(f"{_NAMES.get(column, column):>14}" for column in columns)
    lines = [f"{'mean of':<{width}}  {'distance':<20}{titles}".rstrip()]
    for name, found in averages.items():
        for key, distance in _DISTANCES.items():
            if key in found:
                start = f"{name:<{width}}  {distance:<20}"
                lines.append(start + _means(found[key], columns))
                if "single_shot" in found[key]:
                    means = _means(found[key]["single_shot"], list(_NAMES))
                    lines.append(f"{start}{means}  one gallery image a person")
    lines += [
        f"{name}: {len(found['splits'])} splits; beside each mean its standard deviation"
        for name, found in averages.items()
    ]
    return "\n".join(lines)


def _means(found, columns):
    return "".join(
        f"{100 * found[name]['mean']:9.2f} {100 * found[name]['std']:4.2f}" for name in columns
    )


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


def counts_line(one: Mapping[str, Any]) -> str:
    """How many images a dict of `results.json` is about, and what is special about them.

    >>> counts_line({"num_query": 4, "num_gallery": 9, "num_unmatched_query": 0})
    '4 queries, 9 gallery images'
    """
    parts = [f"{one['num_query']} queries"]
    if one["num_unmatched_query"]:
        parts.append(f"of which {one['num_unmatched_query']} without a match")
    parts.append(f"{one['num_gallery']} gallery images")
    if one.get("num_distractors"):
        parts.append(f"{one['num_distractors']} of them distractors")
    if not one.get("has_cameras", True):
        parts.append("without cameras: all images of the query's person are matches")
    if one.get("trained_on"):
        parts.append("THESE PEOPLE WERE TRAINED ON")
    if one.get("held_out"):
        parts.append(f"held out from training ({one['held_out']:.0%} of its people)")
    if one.get("best"):
        parts.append(f"best mAP {100 * one['best']['mAP']:.2f} in epoch {one['best']['epoch']}")
    return ", ".join(parts)
