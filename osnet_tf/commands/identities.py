"""Clusters crops of several cameras into people, and writes path and identity of each as CSV.

python train/identities.py --model=x.keras --images=crops --threshold=0.4 --output=out.csv
python train/identities.py --model=x.keras --images=crops --views=views.csv --cannot_link=time \\
    --calibrated_on=demo --output=out.csv
python train/identities.py --model=x.keras --dataset=market1501 --data_dir=DIR \\
    --choose_on=market1501 --rerank --output=out.csv

The threshold is given, or that of the model's calibration (train/evaluate.py writes it), or chosen
on the training people of a dataset. Of a dataset whose people are known, the measures are printed.
"""

from absl import flags

from osnet_tf import report
from osnet_tf.commands import command_line
from osnet_tf.identities.views import RULES
from osnet_tf.metrics import METRICS

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("model", None, "A .keras file of an embedder.", required=True)
    flags.DEFINE_string("output", None, "The .csv file to write.", required=True)
    flags.DEFINE_string("images", None, "Folder; every image below it is a crop.")
    flags.DEFINE_string("dataset", None, "Or a dataset, whose query and gallery are the crops.")
    flags.DEFINE_string("data_dir", "data", "Folder of the datasets.")
    flags.DEFINE_string(
        "views",
        None,
        "CSV with the columns path and any of camid, time, tracklet (default: what names such as "
        "0002_c1s1_000451_03.jpg tell).",
    )
    flags.DEFINE_float("threshold", None, "Mean distance up to which clusters are joined.", 0)
    flags.DEFINE_string("choose_on", None, "Or the dataset whose training people choose it.")
    flags.DEFINE_float("fpr", 1e-3, "Or the calibration's with this false-positive rate.", 0, 1)
    flags.DEFINE_string("calibrated_on", None, "The dataset of the calibration.")
    flags.DEFINE_enum("metric", "cosine", METRICS, "Distance.")
    flags.DEFINE_boolean("rerank", False, "k-reciprocal re-ranking of the distances.")
    flags.DEFINE_enum(
        "cannot_link",
        "none",
        RULES,
        "Two by one camera are two people: never for sure; at overlapping times; always.",
    )
    flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.identities.images import identify_images

    names = ("images", "dataset", "data_dir", "views", "threshold", "choose_on", "fpr")
    names += ("calibrated_on", "metric", "rerank", "cannot_link", "batch_size")
    result = identify_images(
        FLAGS.model,
        FLAGS.output,
        show_progress=True,
        **{name: getattr(FLAGS, name) for name in names},
    )
    people = result.identities.max() + 1
    command_line.say(
        f"{FLAGS.output}: {len(result.paths)} images of {people} identities, "
        f"joined up to a mean distance of {result.threshold:.4g}"
    )
    for path, reason in result.failed:
        command_line.say(f"left out: {path} {reason}")
    if result.scores:
        command_line.say(report.identity_table([("", result.scores)]))
