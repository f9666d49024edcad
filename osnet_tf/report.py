"""Text that the commands print."""

import textwrap

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


def score_cells(one):
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


def distance_name(key):
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


def averages_table(averages):
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


def counts_line(one):
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


def recipe_list(recipes):
    """The names of the recipes and the beginning of what each is for, a line for each.

    Of those that are named `ablation_...` only the names.

    >>> from types import SimpleNamespace
    >>> about = "From random weights on a GPU: SGD, three steps; flip, crop, erasing, and so on."
    >>> print(recipe_list({"scratch": SimpleNamespace(about=about)}))
    scratch: From random weights on a GPU: SGD, three steps; flip, crop, ...
    """
    ablations = [name for name in recipes if name.startswith("ablation_")]
    lines = [
        f"{name}: {textwrap.shorten(recipe.about, 64, placeholder=' ...')}"
        for name, recipe in recipes.items()
        if name not in ablations
    ]
    if ablations:
        lines.append(f"and {len(ablations)} rows of the paper's ablations: {', '.join(ablations)}")
    return "\n".join(lines)


def recipe_page(name, recipe):
    """All about a recipe: what it is for, its source, figures and hours, and its settings.

    >>> from types import SimpleNamespace
    >>> recipe = SimpleNamespace(about="Long.", source="X", published="market1501: Rank-1 93.6")
    >>> recipe.measured, recipe.cpu_hours, recipe.settings = None, 120.4, {"step_epochs": (60, 90)}
    >>> print(recipe_page("scratch", recipe))
    scratch: Long.
    source          X
    published       market1501: Rank-1 93.6
    two CPU cores   120 h
    --step_epochs=60,90
    """
    lines = [f"{name}: {recipe.about}"]
    if recipe.source:
        lines.append(f"source          {recipe.source}")
    for verb, figures in (("published", recipe.published), ("measured", recipe.measured)):
        if figures:
            lines.append(f"{verb:<14}  {figures}")
    if recipe.cpu_hours:
        digits = 0 if recipe.cpu_hours >= 10 else 1
        lines.append(f"two CPU cores   {recipe.cpu_hours:.{digits}f} h")
    return "\n".join([*lines, *(f"--{key}={_flag(v)}" for key, v in recipe.settings.items())])


def _flag(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def export_table(report):
    """What `osnet_tf.export.export_model` returned, as a table: each file beside the Keras model.

    >>> keras = {"rank1": 0.5, "mAP": 0.25, "latency": None}
    >>> row = {"path": "model.onnx", "precision": "fp32", "batch_size": None, "bytes": 2**20}
    >>> row |= {"cosine_min": 1.0, "cosine_mean": 1.0, "rank1": 0.5, "mAP": 0.25}
    >>> row |= {"map_change": 0.0, "partitions": None, "problems": []}
    >>> report = {"dataset": "demo", "evaluation": "full", "num_query": 4, "num_gallery": 9}
    >>> lines = export_table({**report, "keras": keras, "artefacts": [row]}).splitlines()
    >>> lines[2].split()
    ['model.onnx', 'fp32', 'any', '1.00', '1.000000', '1.000000', '50.00', '25.00', '+0.000', '-', \
'ok']
    >>> lines[3]
    'on demo: 4 queries, 9 gallery images'
    """
    titles, rows = export_cells(report)
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = []
    for cells in (titles, *rows):
        first = f"{cells[0]:<{widths[0]}}"
        rest = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]))
    return "\n".join([*lines, export_compared_on(report)])


def _export_name(row):
    return f"{row['path']}/ (SavedModel)" if row.get("format") == "saved_model" else row["path"]


def _export_columns(report):
    """The table's columns: a list of (title, function from a row to its text)."""
    threads = sorted(report["keras"]["latency"] or {}, key=int)
    found = [
        ("artefact", _export_name),
        ("precision", lambda row: row["precision"]),
        ("batch", lambda row: str(row["batch_size"] or "any")),
        ("MiB", lambda row: f"{row['bytes'] / 2**20:.2f}"),
        ("cosine min", lambda row: f"{row['cosine_min']:.6f}"),
        ("mean", lambda row: f"{row['cosine_mean']:.6f}"),
    ]
    if report["keras"]["mAP"] is not None:
        found += [
            ("Rank-1", lambda row: f"{100 * row['rank1']:.2f}"),
            ("mAP", lambda row: f"{100 * row['mAP']:.2f}"),
            ("change", lambda row: f"{row['map_change']:+.3f}"),
        ]
    for number in threads:
        plural = "" if int(number) == 1 else "s"
        found += [
            (f"ms, {number} thread{plural}", lambda row, n=number: _ms(row, n, 1)),
            ("x Keras", lambda row, n=number: _ms(row, n, report["keras"]["latency"][n])),
        ]
    found += [
        ("partitions", lambda row: "-" if row["partitions"] is None else str(row["partitions"])),
        ("verdict", lambda row: "BEYOND TOLERANCE" if row["problems"] else "ok"),
    ]
    return found


def export_cells(report):
    """Titles, the cells of the Keras model, and those of each artefact: lists of str."""
    found = _export_columns(report)
    keras = {
        **report["keras"],
        **{"path": "Keras model", "precision": "fp32", "batch_size": None, "bytes": 0},
        **{"cosine_min": 1.0, "cosine_mean": 1.0, "map_change": 0.0, "partitions": None},
        "problems": [],
    }
    first = ["-" if title in ("MiB", "verdict") else cell(keras) for title, cell in found]
    rows = [[cell(row) for _, cell in found] for row in report["artefacts"]]
    return [title for title, _ in found], [first, *rows]


def milliseconds_per_image(row, threads):
    """Latency of an artefact for one image: of a batch of n, the n-th part."""
    return row["latency"][threads] / (row["batch_size"] or 1)


def _ms(row, threads, unit):
    if not row["latency"]:  # it does not run
        return "-"
    return f"{milliseconds_per_image(row, threads) / unit:.2f}"


def export_compared_on(report):
    """What an export was compared on, in words."""
    if report["evaluation"] == "none":
        return f"on {report['num_images']} images of {report['dataset']}, nothing ranked"
    sample = "a sample: " if report["evaluation"] == "sample" else ""
    return (
        f"on {report['dataset']}: {sample}{report['num_query']} queries, "
        f"{report['num_gallery']} gallery images"
    )


def latency_table(rows, one="thread", several="threads"):
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


def pixel_table(rows):
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


def cost_table(rows):
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


def matches_table(matches):
    """What `osnet_tf.search.Gallery.search` has found, nearest first.

    >>> from types import SimpleNamespace
    >>> match = SimpleNamespace(distance=0.21, same_person=True, pid=7, camid=-1, time=12.5)
    >>> match.key = "a.jpg"
    >>> print(matches_table([match]))
      distance  same  pid  camid      time  crop
    1    0.210   yes    7      -     12.50  a.jpg
    >>> print(matches_table([]))
    nothing was found
    """
    if not matches:
        return "nothing was found"
    width = len(str(len(matches)))
    lines = [f"{'':>{width}} {'distance':>8}  same  {'pid':>3}  camid  {'time':>8}  crop"]
    for place, match in enumerate(matches, start=1):
        same = {True: "yes", False: "no", None: "-"}[match.same_person]
        pid, camid = ("-" if value < 0 else value for value in (match.pid, match.camid))
        seconds = f"{match.time:.2f}" if match.time >= 0 else "-"
        lines.append(
            f"{place:>{width}} {match.distance:>8.3f}  {same:>4}  {pid:>3}  {camid:>5}  "
            f"{seconds:>8}  {match.key}"
        )
    return "\n".join(lines)


def search_table(rows):
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


def profile_table(rows, shown=15):
    """What `osnet_tf.training.read_profile` returned: where the time of a step goes.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(calls=79.0, milliseconds=50.0, share=0.25)
    >>> row.name, row.operations = "convolution", ("_MklNativeConv2D",)
    >>> print(profile_table([row]))
    ms in a step   share    calls  operation
            50.0   25.0%       79  convolution (_MklNativeConv2D)
    """
    lines = [f"{'ms in a step':>12}  {'share':>6}  {'calls':>7}  operation"]
    for row in rows[:shown]:
        figures = f"{row.milliseconds:>12.1f}  {row.share:>6.1%}  {row.calls:>7.0f}"
        own = "" if row.operations == (row.name,) else f" ({', '.join(row.operations)})"
        lines.append(f"{figures}  {row.name}{own}")
    if len(rows) > shown:
        rest = sum(row.milliseconds for row in rows[shown:])
        share = sum(row.share for row in rows[shown:])
        lines.append(f"{rest:>12.1f}  {share:>6.1%}  {'':>7}  {len(rows) - shown} others")
    return "\n".join(lines)


def sweep_table(trials):
    """What `osnet_tf.training.sweep` returned, the best first.

    >>> from types import SimpleNamespace
    >>> trial = SimpleNamespace(number=3, score=0.5, epochs=6, state="complete", score_name="mAP")
    >>> trial.settings = {"learning_rate": 0.00123456}
    >>> print(sweep_table([trial]))
       mAP  epochs  state     trial  settings
     50.00       6  complete      3  learning_rate=0.00123
    """
    lines = [f"{trials[0].score_name:>6}  {'epochs':>6}  {'state':<8}  {'trial':>5}  settings"]
    for trial in trials:
        settings = ", ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in trial.settings.items()
        )
        lines.append(
            f"{100 * trial.score:>6.2f}  {trial.epochs:>6}  {trial.state:<8}  {trial.number:>5}  "
            f"{settings}"
        )
    return "\n".join(lines)


def evaluator_table(rows):
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


def identity_table(rows):
    """`(name, osnet_tf.identities.IdentityScores)` of each clustering, in per cent.

    >>> from osnet_tf.identities import score_identities
    >>> print(identity_table([("all apart", score_identities([0, 1, 2], [7, 7, 4]))]))
    precision  recall      F1     ARI    IDF1  identities  people
       100.00    0.00    0.00    0.00   66.67           3       2  all apart
    """
    lines = ["precision  recall      F1     ARI    IDF1  identities  people"]
    for name, scores in rows:
        values = (scores.recall, scores.f1, scores.ari, scores.idf1)
        shares = "".join(f"{100 * value:8.2f}" for value in values)
        line = f"{100 * scores.precision:9.2f}{shares}{scores.num_identities:>12}"
        lines.append(f"{line}{scores.num_people:>8}  {name}".rstrip())
    return "\n".join(lines)


def attribute_table(results):
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


def class_table(results):
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


def evaluation_tables(results):
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
