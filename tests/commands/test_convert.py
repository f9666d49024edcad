"""train/convert.py: what it writes and what it says."""

import types

import numpy as np
import pytest

from osnet_tf.commands import convert
from osnet_tf.errors import NotFoundError
from osnet_tf.weights import load_embedder
from tests.weights.reference import state_of


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command with flags; returns what it printed, line by line."""
    monkeypatch.setattr(convert.command_line, "load_tensorflow", lambda: None)

    def run(**given):
        flags = {"classifier": False, "to_torch": False, "num_classes": None}
        flags |= {"to_preset": False, "licence": None, "trained_on": None}
        flags |= {"height": 32, "width": 16, **given}
        flags = {key: str(f) if key in ("checkpoint", "output") else f for key, f in flags.items()}
        monkeypatch.setattr(convert, "FLAGS", types.SimpleNamespace(**flags))
        convert.main([])
        return capsys.readouterr().out.splitlines()

    return run


def test_there_and_back(run, tmp_path):
    """A training checkpoint two deep, under a prefix, to Keras, and back bit for bit."""
    torch = pytest.importorskip("torch", reason="PyTorch (which writes .pth) is not installed")
    state = state_of("osnet_ibn_x0_25", num_classes=3)
    tensors = {f"backbone.{key}": torch.tensor(array) for key, array in state.items()}
    torch.save({"any": {"name": tensors}, "epoch": 60}, tmp_path / "X.pth")
    output, back = tmp_path / "X.keras", tmp_path / "Y.pth"
    first, second = run(checkpoint=tmp_path / "X.pth", output=output, classifier=True)
    assert first == f"{output}: osnet_ibn_x0_25, 489 tensors"
    assert second == "left out: epoch, 79 counts of batches"
    (line,) = run(checkpoint=output, output=back, to_torch=True)
    assert line == f"{back}: osnet_ibn_x0_25"
    found = torch.load(back, weights_only=True)
    assert list(found) == list(state)
    for key, tensor in found.items():
        expected = 0 if key.endswith("tracked") else state[key]
        np.testing.assert_array_equal(tensor.numpy(), expected, err_msg=key)
    assert load_embedder(output).input_shape == (None, 32, 16, 3)


def test_a_missing_checkpoint(run, tmp_path):
    with pytest.raises(NotFoundError, match=r"none.pth does not exist"):
        run(checkpoint=tmp_path / "none.pth", output=tmp_path / "X.keras")
