import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training import CheckpointError, Checkpoints

ROOT = Path(__file__).resolve().parents[2]


def make(folder, keep=3, shape=(50, 20)):
    value = tf.Variable(tf.zeros(shape), name="value")
    return value, Checkpoints(folder, keep, values={"value": value})


def three(folder):
    """Checkpoints 1, 2 and 3, each full of its number."""
    value, checkpoints = make(folder)
    for number in (1, 2, 3):
        value.assign(tf.fill(value.shape, float(number)))
        checkpoints.save(number)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    path.write_bytes(bytes(damaged))


def pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", [truncate, empty, flip, pipe, Path.unlink])
def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, part, damage):
    three(tmp_path)
    damage(tmp_path / f"ckpt-3.{part}")
    value, checkpoints = make(tmp_path)
    assert checkpoints.restore() == str(tmp_path / "ckpt-2")
    np.testing.assert_array_equal(value.numpy(), 2.0)
    # without its index a checkpoint was never written: that is no damage
    expected = [] if damage is Path.unlink and part == "index" else [str(tmp_path / "ckpt-3")]
    assert checkpoints.passed_over == expected
    assert checkpoints.latest == str(tmp_path / "ckpt-2")


def test_a_run_goes_on_over_the_damaged_one(tmp_path):
    three(tmp_path)
    truncate(tmp_path / "ckpt-3.data-00000-of-00001")
    value, checkpoints = make(tmp_path)
    checkpoints.restore()
    value.assign(tf.fill(value.shape, 33.0))
    checkpoints.save(3)
    assert not list(tmp_path.glob("ckpt-3.*"))  # only now: a newer one is whole
    value, again = make(tmp_path)
    assert again.restore() == str(tmp_path / "ckpt-4")
    assert again.passed_over == []
    np.testing.assert_array_equal(value.numpy(), 33.0)


def test_only_the_newest_are_kept(tmp_path):
    _, checkpoints = make(tmp_path, keep=2)
    (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(b"of a write that was killed")
    for number in (3, 5, 9):
        checkpoints.save(number)
    names = sorted(path.name for path in tmp_path.iterdir())
    parts = ("data-00000-of-00001", "index")
    assert names == [f"ckpt-{number}.{part}" for number in (5, 9) for part in parts]


def test_what_a_killed_process_left_aside_goes_with_the_next_checkpoint(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = socket.gethostname().replace("-", "_").replace(".", "_")[:40]
    left = tmp_path / f".new-{host}-{gone.pid}-0123abcd-checkpoint"
    left.mkdir()
    (left / "ckpt-4.data-00000-of-00001").write_bytes(b"half")
    _, checkpoints = make(tmp_path)
    checkpoints.save(4)
    assert not left.exists()


def test_a_number_is_never_written_twice(tmp_path):
    """Writing over a checkpoint, a kill could leave the old index beside the new data."""
    _, checkpoints = make(tmp_path)
    assert [Path(checkpoints.save(7)).name for _ in range(2)] == ["ckpt-7", "ckpt-8"]


def test_all_are_damaged(tmp_path):
    three(tmp_path)
    for path in tmp_path.glob("*.data*"):
        truncate(path)
    _, checkpoints = make(tmp_path)
    with pytest.raises(CheckpointError, match=r"every checkpoint is damaged. Received: ckpt-3, ck"):
        checkpoints.restore()
    assert len(list(tmp_path.glob("*.data*"))) == 3


def test_a_checkpoint_of_another_model(tmp_path):
    three(tmp_path)
    other = Checkpoints(tmp_path, 3, weights={"other": tf.Variable(0.0)})
    with pytest.raises(CheckpointError, match="ckpt-3 is a checkpoint of another model"):
        other.restore()
    _, larger = make(tmp_path, shape=(7,))
    with pytest.raises(CheckpointError, match="ckpt-3 is a checkpoint of another model"):
        larger.restore()


def test_none(tmp_path):
    _, checkpoints = make(tmp_path / "none")
    assert checkpoints.restore() is None
    assert checkpoints.latest is None
    assert not (tmp_path / "none").exists()


def write_beyond_the_limit(folder):
    """In a process of its own: no file may grow beyond 64 KiB, as on a disk that is full."""
    _, checkpoints = make(folder, shape=(10,))
    checkpoints.save(1)
    signal.signal(
        signal.SIGXFSZ, signal.SIG_IGN
    )  # then writing fails with an error, as ENOSPC does
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
    large = Checkpoints(folder, 3, values={"value": tf.Variable(tf.zeros((100_000,)))})
    try:
        large.save(2)
    except CheckpointError as error:
        sys.stdout.write(str(error))


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    folder = tmp_path / "run"
    code = f"import tests.training.test_checkpoints as t; t.write_beyond_the_limit({str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{folder}: checkpoint 2 could not be written: "), done.stdout
    assert done.stdout.endswith(f"Last good checkpoint: {folder / 'ckpt-1'}")
    assert sorted(os.listdir(folder)) == ["ckpt-1.data-00000-of-00001", "ckpt-1.index"]
    _, checkpoints = make(folder, shape=(10,))
    assert checkpoints.restore() == str(folder / "ckpt-1")
