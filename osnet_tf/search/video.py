"""The people in a video, by the boxes of a detector's file, on their way into a gallery."""

import os
from itertools import groupby

import numpy as np

from osnet_tf.checks import check_int, check_number
from osnet_tf.search.adding import Added
from osnet_tf.search.detections import read_detections
from osnet_tf.search.frames import video_frames
from osnet_tf.search.records import Crop, checked_crop


def add_boxes(
    write, known, model, video, detections, camid, start, fps, min_confidence, batch_size, progress
):
    """Embeds the boxes in a video and writes them, some frames at a time.

    Args:
        write: `write(crops, embeddings, last)`.
        known: `known(keys)` gives the set of those that are there.
        model: A Keras model.
        The others: As in `Gallery.add_video`.

    Returns:
        `Added`.
    """
    from osnet_tf.crops import CropEmbedder

    check_int(batch_size=batch_size)
    check_number(start=start)
    boxes = read_detections(detections, min_confidence=min_confidence)
    video = os.path.abspath(video)
    crops = {crop.key: crop for crop in (_crop(video, box, camid) for box in boxes)}
    there = known(list(crops))
    new = [crop for key, crop in crops.items() if key not in there]
    if progress is not None and there:
        progress(len(there))
    of_frame = {frame: list(some) for frame, some in groupby(new, lambda crop: crop.frame)}
    embed = CropEmbedder(model, normalize=False, bgr=False)
    failed, waiting, added = [], [], 0

    def write_waiting(last):
        nonlocal added
        found = [crop for crops, _ in waiting for crop in crops]
        write(
            found,
            np.concatenate([np.empty((0, embed.dim), np.float32), *(v for _, v in waiting)]),
            last,
        )
        added += len(found)
        waiting.clear()

    for frame, seconds, pixels in video_frames(video, of_frame, fps=fps):
        crops_here = of_frame.pop(frame)
        corners = np.array([crop.box.split(",") for crop in crops_here], float)
        seen = _has_pixels(corners, pixels.shape)
        failed += [
            (f"{video} frame {frame}", f"has no pixel in the box {crop.box}")
            for crop, inside in zip(crops_here, seen, strict=True)
            if not inside
        ]
        kept = [
            crop._replace(time=start + seconds)
            for crop, inside in zip(crops_here, seen, strict=True)
            if inside
        ]
        if kept:
            waiting.append((kept, embed.get_features(corners[seen], pixels)))
        if sum(len(crops) for crops, _ in waiting) >= batch_size:
            write_waiting(last=False)
        if progress is not None:
            progress(len(crops_here))
    if waiting or added:
        write_waiting(last=True)
    failed += [(f"{video} frame {frame}", "lies beyond the video's end") for frame in of_frame]
    return Added(added, len(there), tuple(failed))


def _crop(video, one, camid):
    box = ",".join(f"{side:.10g}" for side in one.box)
    key = f"{video}#frame={one.frame}&box={box}"
    return checked_crop(Crop(key, video, one.pid, camid, -1.0, one.frame, box))


def _has_pixels(corners, shape):
    """Which boxes `osnet_tf.CropEmbedder` finds a pixel in."""
    inside = np.trunc(corners).clip(0, np.tile(shape[1::-1], 2))
    return (inside[:, 2:] > inside[:, :2]).all(axis=1)
