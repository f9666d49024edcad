"""What pip installs: every module, the page of the web demo, and a command that runs."""

import subprocess
import sys
import zipfile

import pytest

from tests.conftest import ROOT


def run(*arguments, **options):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    listed = subprocess.run(
        ["git", "ls-files", "osnet_tf", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for name in listed:
        if (ROOT / name).is_file():
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            (sources / name).write_bytes((ROOT / name).read_bytes())
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    run("-m", "pip", "wheel", *options, "--wheel-dir", folder, sources)
    [path] = folder.glob("*.whl")
    return path, listed


def test_everything_is_in_it(wheel):
    path, listed = wheel
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(n for n in names if n.endswith("/METADATA"))).decode()
    modules = {name for name in listed if name.endswith(".py")}
    assert modules <= names
    assert {name for name in listed if name.startswith("osnet_tf/web/page/")} <= names
    assert not [name for name in names if name.startswith(("tests", "train", "docs"))]
    for extra in ("onnx", "hub", "sweep", "parquet", "search", "video", "torch"):
        assert f"Provides-Extra: {extra}" in metadata


def test_its_command_runs_anywhere(wheel, tmp_path):
    path, _ = wheel
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "installed")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r}); import osnet_tf; "
    code += "assert osnet_tf.__file__.startswith(sys.path[0]), osnet_tf.__file__; "
    code += "from osnet_tf.commands.console import main; sys.argv = ['osnet-tf', *sys.argv[1:]]; "
    said = run("-c", code + "main()", cwd=tmp_path)
    assert "Trains OSNet" in said
    listed = run("-c", code + "main()", "data", "--do=list", "--data_dir=nowhere", cwd=tmp_path)
    assert "market1501" in listed
