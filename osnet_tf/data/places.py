"""Where a dataset lies below the directory of the datasets."""

import os
from collections.abc import Sequence
from pathlib import Path

from osnet_tf.data.dataset import DatasetNotFoundError


def find_root(
    title: str,
    data_dir: str | os.PathLike,
    folders: Sequence[str],
    holds: Sequence[str],
    how_to_lay_out: str = "",
) -> Path:
    """The first of some folders below `data_dir` that holds one of some files or folders.

    Args:
        title: the dataset, or the file of it, as a message calls it.
        data_dir: the directory that holds the datasets.
        folders: where to look, relative to `data_dir`; "." is `data_dir` itself.
        holds: what to look for, relative to the folder.
        how_to_lay_out: the end of the message where nothing is found.

    Returns:
        An absolute path.

    Raises DatasetNotFoundError: none holds any; the message lists the places.

    >>> import tempfile
    >>> data_dir = Path(tempfile.mkdtemp())
    >>> (data_dir / "viper" / "VIPeR" / "cam_a").mkdir(parents=True)
    >>> find_root("VIPeR", data_dir, ("viper/VIPeR", "."), ("cam_a", "cam_b")).name
    'VIPeR'
    """
    data_dir = os.fspath(data_dir)
    places = [Path(os.path.abspath(os.path.join(data_dir, folder))) for folder in folders]
    for place in places:
        if any((place / name).exists() for name in holds):
            return place
    looked_at = "\n".join(f"  {place}" for place in places)
    raise DatasetNotFoundError(
        f"{title} was not found. Received: data_dir={data_dir!r}\n"
        f"Looked for {', '.join(holds)} in:\n{looked_at}\n{how_to_lay_out}".rstrip()
    )
