"""Looks at datasets: which there are, what is in one, what is wrong with it, what it looks like.

python train/data.py --do=list --data_dir=DIR
python train/data.py --do=stats --dataset=market1501 --data_dir=DIR
python train/data.py --do=validate --dataset=folder --data_dir=mine
python train/data.py --do=preview --dataset=folder --data_dir=mine.zip
"""

import sys

from absl import flags

from osnet_tf.commands import command_line

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_enum(
        "do",
        "list",
        ["list", "stats", "validate", "preview"],
        "list: all names, and which are there. stats: images of people, cameras and classes. "
        "validate: read all, and say what is wrong and how to mend it; exit code 1 if it is "
        "harmful. preview: a contact sheet.",
    )
    flags.DEFINE_string("dataset", "folder", "Name of a dataset.")
    flags.DEFINE_string("data_dir", "data", "Folder of the datasets, or a zip or tar file of it.")
    flags.DEFINE_float(
        "split_identities",
        0.5,
        "Share of the people who become query and gallery, of a dataset without a split of its "
        "own; --seed chooses them.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_integer("seed", 0, "Seed of the split, and of the preview.", lower_bound=0)
    flags.DEFINE_integer("rows", 8, "People, classes or attributes of a preview.", lower_bound=1)
    flags.DEFINE_integer("columns", 8, "Images of each in a preview.", lower_bound=1)
    flags.DEFINE_string("output_dir", "data_reports", "Folder of pictures and JSON files.")


def main(_):
    if FLAGS.do == "list":
        from osnet_tf.data.overview import list_datasets

        command_line.say(list_datasets(FLAGS.data_dir))
        return
    if FLAGS.do == "validate":
        command_line.load_tensorflow()
    from osnet_tf.data import reports

    where = (FLAGS.dataset, FLAGS.data_dir, FLAGS.output_dir)
    split = {"split_identities": FLAGS.split_identities, "seed": FLAGS.seed}
    is_sound = True
    if FLAGS.do == "stats":
        found, written = reports.write_statistics(*where, **split)
        command_line.say(found.describe())
    elif FLAGS.do == "validate":
        found, written = reports.write_inspection(*where, show_progress=True, **split)
        command_line.say(found.describe())
        is_sound = found.is_sound
    else:
        written = reports.write_preview(*where, rows=FLAGS.rows, columns=FLAGS.columns, **split)
    command_line.say(f"written: {', '.join(map(str, written))}")
    sys.exit(0 if is_sound else 1)
