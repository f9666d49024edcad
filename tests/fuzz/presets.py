"""Damaged folders of published models: the same model comes out, or an error names a file."""

import functools
import json
import shutil
import tempfile
from pathlib import Path

from osnet_tf import OSNet, from_preset, save_to_preset
from osnet_tf.architecture import fingerprint
from osnet_tf.errors import FileError, NotFoundError
from tests.fuzz.json_files import mutated
from tests.fuzz.weights import damaged

SMALL = 3
_FILES = ("config.json", "preprocessor.json", "model.weights.h5")


@functools.cache
def _published():
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1, feature_dim=8)
    folder = Path(tempfile.mkdtemp(), "model")
    save_to_preset(model, folder)
    return folder, fingerprint(model)


def trial(rng, folder):
    published, expected = _published()
    place = shutil.copytree(published, folder / "model")
    path = place / str(rng.choice(_FILES))
    if path.suffix == ".json" and rng.random() < 0.7:
        path.write_text(json.dumps(mutated(rng, json.loads(path.read_text()))))
    else:
        path.write_bytes(damaged(rng, path.read_bytes()))
    try:
        model = from_preset(place)
    except (FileError, NotFoundError) as error:
        if str(place) not in str(error):
            raise AssertionError("the error does not name the file") from error
    else:
        assert fingerprint(model) == expected  # what was damaged says nothing about the model
