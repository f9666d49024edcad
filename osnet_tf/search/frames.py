"""The frames of a video: of a file, through PyAV, or of a folder of numbered images."""

import configparser
from pathlib import Path

from osnet_tf.checks import check_number, optional_package
from osnet_tf.data.image_files import images_below
from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.errors import FileError, NotFoundError


def video_frames(path, wanted, *, fps=None):
    """Yields some frames of a video, in their order.

    Args:
        path: A video file, read by PyAV (`pip install 'osnet_tf[video]'`); or a folder of images,
            a frame each in the order of their names, as MOTChallenge's `img1`.
        wanted: Numbers of frames, from 0. What lies beyond the last of them is not decoded.
        fps: Frames in a second of a folder, > 0; by default what `seqinfo.ini` beside it says, else
            25. A file has times of its own.

    Yields:
        `(number, seconds, pixels)`: the seconds from the video's beginning, and uint8
        `(height, width, 3)`, RGB. Numbers beyond the video's end do not come.

    Raises:
        NotFoundError: there is no such video.
        FileError: it cannot be decoded. ImageError: an image of a folder cannot be.
        MissingPackageError: PyAV is not installed.

    >>> list(video_frames("nowhere.mp4", [0]))
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no video nowhere.mp4
    """
    wanted = set(wanted)
    if not Path(path).exists():
        raise NotFoundError(f"There is no video {path}")
    if not wanted:
        return
    if Path(path).is_dir():
        yield from _of_folder(path, wanted, fps)
    else:
        yield from _of_file(path, wanted)


def _of_folder(path, wanted, fps):
    if fps is None:
        fps = _frame_rate(Path(path).parent / "seqinfo.ini")
    check_number(above=0, fps=fps)
    for number, image in enumerate(images_below(path).paths):
        if number in wanted:
            yield number, number / fps, read_rgb(image)


def _frame_rate(path):
    if not path.exists():
        return 25.0
    settings = configparser.ConfigParser(interpolation=None)
    try:
        settings.read_string(path.read_text(encoding="utf-8"))
        rate = settings.getfloat("Sequence", "frameRate", fallback=25.0)
    except (configparser.Error, ValueError) as error:
        raise FileError(path, f"tells no frameRate: {error}") from None
    if not 0 < rate < 1e6:
        raise FileError(path, f"tells no frameRate: {rate}")
    return rate


def _of_file(path, wanted):
    with optional_package(
        f"Reading {path} needs PyAV",
        "pip install 'osnet_tf[video]', or name a folder of its frames",
    ):
        import av
    last = max(wanted)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FileError(path, "has no video in it")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or 25)
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    seconds = number / rate if frame.time is None else float(frame.time)
                    yield number, seconds, frame.to_ndarray(format="rgb24")
                if number >= last:
                    return
    except av.error.FFmpegError as error:
        raise FileError(path, f"cannot be decoded: {error.strerror}") from error
