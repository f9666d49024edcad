"""The hub's addresses, through huggingface_hub itself, from a server on loopback."""

import json
import os
import subprocess
import sys

import pytest

from osnet_tf.errors import ArgumentError, MissingPackageError, NotFoundError
from osnet_tf.weights import hub
from tests.conftest import ROOT
from tests.hub_server import COMMIT, hub_server

FILES = {"config.json": b"{}", "model.weights.h5": b"weights", "preprocessor.json": b"{}"}
#: In a process of its own, because huggingface_hub reads HF_ENDPOINT when it is imported.
DOWNLOAD = """
import json, sys
from osnet_tf.errors import OSNetError
from osnet_tf.weights.hub import find_preset
for address in sys.argv[1:]:
    try:
        folder = find_preset(address)
        print(json.dumps([str(folder), {p.name: p.read_text() for p in folder.iterdir()}]))
    except OSNetError as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


def find(endpoint, home, *addresses):
    """For each address [folder, files], or [kind, message] of the error."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD, *addresses],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_only_a_models_files_are_downloaded_and_kept(tmp_path):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    others = {"train.py": b"import os", "../../../outside.json": b"{}", "pytorch_model.bin": b"."}
    with hub_server({"a/osnet": {**FILES, **others}}) as (endpoint, requests):
        plain, pinned = find(endpoint, tmp_path, "hf://a/osnet", f"hf://a/osnet@{COMMIT}")
        served = {line.rpartition("/")[2] for line in requests if "/resolve/" in line}
    assert plain == pinned
    folder, files = plain
    assert folder.endswith(COMMIT)
    assert folder.startswith(str(tmp_path))
    assert files == {name: data.decode() for name, data in FILES.items()}
    assert served == set(FILES)
    assert not list(tmp_path.rglob("outside.json"))
    # The server is gone: what was downloaded before is used
    assert find(endpoint, tmp_path, "hf://a/osnet") == [plain]


def test_what_there_is_not(tmp_path):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    with hub_server({"a/osnet": FILES, "a/other": {"model.bin": b"."}}) as (endpoint, _):
        found = find(
            endpoint, tmp_path, "hf://a/none", "hf://a/osnet@v1", "hf://a/other", "hf://a b/c"
        )
    unreachable = find(endpoint, tmp_path, "hf://a/another")
    kinds, messages = zip(*found, *unreachable, strict=True)
    assert kinds == (*["NotFoundError"] * 3, "ArgumentError", "NotFoundError")
    assert messages[0].startswith("hf://a/none cannot be downloaded: 404")
    assert messages[1].startswith("hf://a/osnet@v1 cannot be downloaded: 404")
    assert messages[2] == "hf://a/other holds no config.json: it is no model of this project"
    assert "Received: 'hf://a b/c'" in messages[3]
    assert "hf://a/another cannot be downloaded" in messages[4]
    assert not any("\n" in message for message in messages)


@pytest.mark.parametrize(
    "address", ["hf://", "hf://a", "hf:///b", "hf://a/", "hf://a/b/c", "hf://a/b@", "hf://a@b"]
)
def test_what_is_no_address(address):
    with pytest.raises(ArgumentError, match=r"hf://user/repo or hf://user/repo@revision"):
        hub.find_preset(address)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackageError, match=r"hf://a/b .*pip install 'osnet_tf\[hub\]'"):
        hub.find_preset("hf://a/b")


def test_a_folder_is_itself(tmp_path):
    assert hub.find_preset(tmp_path) == tmp_path
    with pytest.raises(NotFoundError, match="There is no folder"):
        hub.find_preset(tmp_path / "none")
