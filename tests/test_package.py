"""What pip installs: every module, the page of the web demo, and a command that runs."""

import email
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.conftest import ROOT


def run(*arguments, **options):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SDIST = "import setuptools.build_meta as b, sys; print(b.build_sdist(sys.argv[1]))"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(the sdist, the wheel that is built from it, the files of git)."""
    folder = tmp_path_factory.mktemp("built")
    sources = folder / "sources"
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in listed:
        if (ROOT / name).is_file():
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            (sources / name).write_bytes((ROOT / name).read_bytes())
    run("-c", SDIST, folder, cwd=sources)
    [sdist] = folder.glob("*.tar.gz")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    run("-m", "pip", "wheel", *options, "--wheel-dir", folder, sdist)
    [wheel] = folder.glob("*.whl")
    return sdist, wheel, listed


@pytest.fixture(scope="module")
def metadata(built):
    with zipfile.ZipFile(built[1]) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_everything_is_in_it(built):
    sdist, wheel, listed = built
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    library = {name for name in listed if name.startswith("osnet_tf/")}
    assert {name for name in library if name.endswith(".py")} <= names
    assert {name for name in library if name.startswith("osnet_tf/web/page/")} <= names
    assert "osnet_tf/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "train", "docs"))]
    assert {name for name in names if name.startswith("osnet_tf/")} <= packed
    assert {name for name in listed if name.startswith(("docs/", "tests/", "train/"))} <= packed
    assert {"Makefile", "requirements.txt", *relative(README)} <= packed


def test_what_it_says_of_itself(metadata):
    extras = set(metadata.get_all("Provides-Extra"))
    assert {"onnx", "hub", "sweep", "parquet", "search", "video", "torch", "visualize"} <= extras
    assert metadata["License-Expression"] == "MIT"
    for line in metadata.get_all("Requires-Dist"):
        capped = line.startswith(("tensorflow>", "tensorflow<", "keras>", "keras<"))
        assert ("<" in line.partition(";")[0]) == capped, line


README = (ROOT / "README.md").read_text()


def relative(markdown):
    """What links and pictures point to without saying where in the world that is."""
    targets = re.findall(r"\]\(([^)]+)\)", markdown)
    return [target for target in targets if not target.startswith(("http", "#"))]


def test_its_long_description_is_the_readme_but_for_what_only_a_checkout_has(metadata):
    """No picture and no link of it would lead anywhere from the page of an index."""
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = metadata.get_payload()
    assert len(relative(README)) > 10
    assert relative(text) == []
    kept = [line for line in README.splitlines() if line and "](" not in line]
    captions = [line for line in kept if re.fullmatch(r"\*[^*]+\*", line)]
    assert len(captions) == README.count("![") == 2
    lines = text.splitlines()
    assert [line for line in kept if line not in lines] == captions
    assert "`--for=boxmot` and others: docs/clients.md |" in text
    assert "source distribution" in text


def test_its_long_description_renders(metadata):
    markdown = pytest.importorskip("readme_renderer.markdown", reason="not installed")
    page = markdown.render(metadata.get_payload())
    assert "<h1" in page
    assert "<table" in page
    assert "<img" not in page
    links = re.findall(r'href="([^"]+)"', page)
    assert "https://arxiv.org/abs/1905.00953" in links
    assert all(link.startswith(("http", "#")) for link in links)


def test_its_command_runs_anywhere(built, tmp_path):
    _, wheel, _ = built
    place = tmp_path / "installed"
    run("-m", "pip", "install", "--no-deps", "--quiet", "--target", place, wheel)
    assert (place / "bin" / "osnet-tf").exists()
    code = f"import sys; sys.path.insert(0, {str(place)!r}); import osnet_tf; "
    code += "assert osnet_tf.__file__.startswith(sys.path[0]), osnet_tf.__file__; "
    code += "from osnet_tf.commands.console import main; sys.argv = ['osnet-tf', *sys.argv[1:]]; "
    said = run("-c", code + "main()", cwd=tmp_path)
    assert "Trains OSNet" in said
    listed = run("-c", code + "main()", "data", "--do=list", "--data_dir=nowhere", cwd=tmp_path)
    assert "market1501" in listed
