import re
import sys
from types import ModuleType

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.export import ExportConfig, Format, formats
from osnet_tf.export.formats import Artefact, Graph, get_format, in_batches


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_static_batch_takes_any_number_of_images(number):
    seen = []

    def run(batch):
        seen.append(len(batch))
        return batch + 1

    images = np.arange(number)
    assert in_batches(run, images, 3).tolist() == (images + 1).tolist()
    assert set(seen) == {3}
    assert in_batches(run, images, None).tolist() == (images + 1).tolist()


def test_what_can_be_written_can_be_opened():
    for name in formats.WRITTEN.values():
        found = get_format(name)
        assert callable(found.write)
        assert callable(found.open)
    message = "must be one of 'saved_model', 'litert', 'onnx', 'openvino'. Did you mean 'litert'?"
    with pytest.raises(ArgumentError, match=re.escape(message)):
        get_format("liter")


def test_a_new_format_is_a_module_and_a_line(monkeypatch):
    module = ModuleType("osnet_tf.export.toy")
    module.FORMAT = Format(
        write=lambda frozen, path, artefact, crops: path.write_text(f"{frozen} {artefact.name}"),
        open=lambda path, num_threads: None,
        describe=lambda path: Graph(operators={"WORDS": len(path.read_text().split())}),
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(formats.WRITTEN, "toy", "toy")
    config = ExportConfig(formats="onnx,toy")
    assert config.artefacts == (Artefact("model.onnx", "onnx"), Artefact("model.toy", "toy"))
    assert get_format("toy") is module.FORMAT
