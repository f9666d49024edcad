import numpy as np
import pytest
from PIL import Image

from osnet_tf.data.throughput import measure_throughput
from osnet_tf.report import throughput_table


def test_every_row_is_measured(tmp_path):
    path = str(tmp_path / "a.png")
    Image.fromarray(np.full((8, 4, 3), 9, "uint8")).save(path)
    rows = measure_throughput([path] * 130, (16, 8), repeats=1)
    assert [row.name.split(":")[0] for row in rows] == ["from memory", "from memory", "from files"]
    assert all(row.images_per_second > 0 for row in rows)
    assert "1.00" in throughput_table(rows)
    with pytest.raises(ValueError, match=r"At least 64 images are needed. Received: 1"):
        measure_throughput([path], (16, 8))
