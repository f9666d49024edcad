"""Models that others publish on the Hugging Face Hub, by their address: `hf://user/repo`."""

import os
from pathlib import Path

from osnet_tf.checks import optional_package
from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.version import __version__

SCHEME = "hf://"
#: The files of a published model, by KerasHub's names. Nothing else in a folder is looked at.
CONFIG, WEIGHTS, PREPROCESSOR = "config.json", "model.weights.h5", "preprocessor.json"


def is_hub_address(source: str | os.PathLike) -> bool:
    """Whether this asks for a model of the hub, and is no path.

    >>> is_hub_address("hf://someone/osnet"), is_hub_address("models/osnet")
    (True, False)
    """
    return isinstance(source, str) and source.startswith(SCHEME)


def is_preset_folder(path: str | os.PathLike) -> bool:
    """Whether this is a folder that holds, or claims to hold, a published model.

    >>> is_preset_folder("nowhere")
    False
    """
    return os.path.isfile(os.path.join(path, CONFIG))


def find_preset(source: str | os.PathLike) -> Path:
    """The folder of a published model: the one given, or a downloaded one for `hf://user/repo`.

    Raises NotFoundError if there is none, and as `download`.

    >>> find_preset("nowhere")
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no folder nowhere
    """
    if is_hub_address(source):
        folder = download(source, (CONFIG, WEIGHTS, PREPROCESSOR))
        if not (folder / CONFIG).exists():
            raise NotFoundError(f"{source} holds no {CONFIG}: it is no model of this project")
        return folder
    folder = Path(source)
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}")
    return folder


def download(address: str, files: tuple[str, ...]) -> Path:
    """Brings files of a repository of the hub into the hub's cache, or finds them there.

    huggingface_hub does it, with its own settings: `HF_ENDPOINT` (another server), `HF_HOME` (where
    the cache lies), `HF_HUB_OFFLINE=1` (never open the network), `HF_TOKEN` (private repositories).
    Without a network, what was downloaded before is used. Nothing but `files` is downloaded,
    whatever else the repository holds.

    Args:
        address: `hf://user/repo`, or `hf://user/repo@revision` with a branch, tag or commit. Only a
            commit always gives the same files.
        files: Their names in the repository; those that it does not have are left out.

    Returns:
        The folder that they lie in, all of one commit. It belongs to the cache: read only.

    Raises:
        ArgumentError: that is no address of a repository.
        MissingPackageError: huggingface_hub is not installed.
        NotFoundError: there is no such repository or revision, one may not read it, or there is no
            network and nothing in the cache; the message names the address and the reason.

    >>> download("hf://no-user", ("config.json",))
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: A model of the hub is hf://user/repo or \
hf://user/repo@revision. Received: 'hf://no-user'
    """
    repo, _, revision = address.removeprefix(SCHEME).partition("@")
    user, _, name = repo.partition("/")
    if not user or not name or "/" in name or address.endswith("@"):
        raise _no_address(address)
    with optional_package(f"{address} needs huggingface_hub", "pip install 'osnet_tf[hub]'"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError
    try:
        folder = snapshot_download(
            repo,
            revision=revision or None,
            allow_patterns=list(files),
            library_name="osnet_tf",
            library_version=__version__,
        )
    except HFValidationError:
        raise _no_address(address) from None
    except Exception as error:  # the hub's client and its HTTP client have kinds of their own
        raise NotFoundError(f"{address} cannot be downloaded: {_reason(error)}") from error
    return Path(folder)


def _no_address(address):
    return ArgumentError(
        f"A model of the hub is hf://user/repo or hf://user/repo@revision. Received: {address!r}"
    )


def _reason(error):
    """What the client says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
