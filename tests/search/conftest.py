"""Both kinds of gallery, each in a new folder."""

import pytest


@pytest.fixture(params=["gallery.sqlite", "gallery.db"])
def uri(request, tmp_path):
    if request.param.endswith(".db"):
        pytest.importorskip("pymilvus")
        pytest.importorskip("milvus_lite")
    return tmp_path / request.param
