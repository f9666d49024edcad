"""Keeps a gallery of people and searches it: by image, camera, time.

    python train/search.py --gallery=people.sqlite --model=x.keras --add=FOLDER
    python train/search.py --gallery=people.sqlite --model=x.keras --query=crop.jpg --k=20 \
        --where='camid != 3 and time > 60' --output=sheet.png
    python train/search.py --gallery=people.sqlite --model=x.keras --video=clip.mp4 \
        --detections=det.txt --camid=2
    python train/search.py --gallery=people.sqlite --delete='camid == 2'
    python train/search.py --gallery=people.sqlite --count

A gallery is a file, NAME.sqlite; one of Milvus Lite, NAME.db; or a Milvus server,
http://host:19530. A folder or video that is added again goes on where it was.
"""

import os

from absl import flags

from osnet_tf.commands import command_line
from osnet_tf.errors import ArgumentError

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("gallery", None, "Where the gallery is or is to be.", required=True)
    flags.DEFINE_string("model", None, "A .keras file, for images.")
    flags.DEFINE_string("add", None, "Folder whose images are added.")
    flags.DEFINE_string("shard", "1/1", "i/n: of these, every n-th from the i-th.")
    flags.DEFINE_string("video", None, "Video, or folder of its frames, whose people are added.")
    flags.DEFINE_string("detections", None, "Their boxes: det.txt, gt.txt or a CSV file.")
    flags.DEFINE_float("min_confidence", None, "Leave boxes with less out.")
    flags.DEFINE_integer("camid", None, "Camera of what is added (default: as file names tell).")
    flags.DEFINE_float("time", None, "Time of images, or of a video's beginning, in seconds.")
    flags.DEFINE_integer("batch_size", 256, "Images that are written at a time.", lower_bound=1)
    flags.DEFINE_string("query", None, "Image to search for.")
    flags.DEFINE_integer("k", 20, "Matches at most.", lower_bound=1)
    flags.DEFINE_string("where", None, "Only these: camid != 3 and time > 60")
    flags.DEFINE_float("max_distance", None, "Only those at most this far.")
    flags.DEFINE_boolean("rerank", False, "Order the nearest by re-ranking.")
    flags.DEFINE_string("output", None, "Picture to draw of what was found.")
    flags.DEFINE_float("threshold", None, "Distance up to which two count as one person; stored.")
    flags.DEFINE_enum("metric", None, ["cosine", "euclidean"], "Of a new gallery.")
    flags.DEFINE_enum("index", None, ["FLAT", "HNSW", "IVF_FLAT"], "Of a new one in Milvus.")
    flags.DEFINE_string("delete", None, "Remove those that meet a condition, or all.")
    flags.DEFINE_boolean("count", False, "Count all, or those of --where.")


def main(_):
    if FLAGS.model:
        command_line.load_tensorflow()
    from osnet_tf.report import matches_table
    from osnet_tf.search import Gallery
    from osnet_tf.search.sheet import draw_matches

    if bool(FLAGS.video) != bool(FLAGS.detections):
        raise ArgumentError("A video needs a file of boxes: --detections", argument="detections")
    options = {"metric": FLAGS.metric, "threshold": FLAGS.threshold, "index": FLAGS.index}
    options["token"] = os.environ.get("OSNET_TF_MILVUS_TOKEN", "")
    with Gallery.open(FLAGS.gallery, FLAGS.model, **options) as gallery:
        if FLAGS.delete is not None:
            command_line.say(f"removed: {gallery.delete(FLAGS.delete)}")
        if FLAGS.add:
            _add(gallery.add, FLAGS.add, camid=FLAGS.camid, time=FLAGS.time, shard=FLAGS.shard)
        if FLAGS.video:
            about = {"start": FLAGS.time or 0.0, "min_confidence": FLAGS.min_confidence}
            about["camid"] = -1 if FLAGS.camid is None else FLAGS.camid
            _add(gallery.add_video, FLAGS.video, FLAGS.detections, **about)
        if FLAGS.query:
            found = gallery.search(
                FLAGS.query, FLAGS.k, where=FLAGS.where, threshold=FLAGS.max_distance,
                rerank=FLAGS.rerank,
            )  # fmt: skip
            command_line.say(matches_table(found))
            if FLAGS.output:
                draw_matches(FLAGS.output, FLAGS.query, found)
        if FLAGS.count:
            command_line.say(f"crops: {gallery.count(FLAGS.where)}")


def _add(add, *source, **options):
    from osnet_tf.progress_bar import progress_bar

    with progress_bar(True, None, "adding") as count:
        result = add(*source, **options, batch_size=FLAGS.batch_size, progress=count)
    command_line.say(f"added: {result.added}; were there already: {result.already}")
    for path, reason in result.failed:
        command_line.say(f"left out: {path} {reason}")
