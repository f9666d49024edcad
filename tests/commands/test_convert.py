"""train/convert.py: what it writes and what it says."""

import types

import pytest

from osnet_tf.commands import convert
from osnet_tf.errors import NotFoundError
from osnet_tf.weights import load_embedder
from tests.weights.reference import state_of, write_safetensors


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command with flags; returns what it printed, line by line."""
    monkeypatch.setattr(convert.command_line, "load_tensorflow", lambda: None)

    def run(**given):
        flags = {"classifier": False, "to_torch": False, "num_classes": None}
        flags |= {"height": 32, "width": 16, **given}
        flags = {key: str(f) if key in ("checkpoint", "output") else f for key, f in flags.items()}
        monkeypatch.setattr(convert, "FLAGS", types.SimpleNamespace(**flags))
        convert.main([])
        return capsys.readouterr().out.splitlines()

    return run


def test_there_and_back(run, tmp_path):
    pytest.importorskip("torch", reason="PyTorch (which writes .pth) is not installed")
    state = state_of("osnet_ibn_x0_25", num_classes=3)
    source = write_safetensors(tmp_path / "X.safetensors", state)
    output = tmp_path / "X.keras"
    first, second = run(checkpoint=source, output=output)
    assert first == f"{output}: osnet_ibn_x0_25, 487 tensors"
    assert second == "left out: classifier.weight, classifier.bias"
    assert load_embedder(output).input_shape == (None, 32, 16, 3)
    back = tmp_path / "Y.pth"
    assert run(checkpoint=output, output=back, to_torch=True, num_classes=3) == [
        f"{back}: osnet_ibn_x0_25"
    ]
    first, second = run(checkpoint=back, output=output, classifier=True)
    assert first.endswith("osnet_ibn_x0_25, 489 tensors")
    assert second == "left out: 79 counts of batches"


def test_a_missing_checkpoint(run, tmp_path):
    with pytest.raises(NotFoundError, match=r"none.pth does not exist"):
        run(checkpoint=tmp_path / "none.pth", output=tmp_path / "X.keras")
