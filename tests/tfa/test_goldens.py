"""The recorded values against the real tensorflow-addons, where its environment is built."""

import numpy as np
import pytest

from tests.tfa import goldens


@pytest.mark.skipif(
    not goldens.PYTHON.exists(), reason=f"no tensorflow-addons: {goldens.PYTHON} does not exist"
)
def test_the_goldens_are_what_tfa_computes():
    inputs, expected = goldens.load()
    found = goldens.run_tfa(inputs)
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        # NaN equals NaN here: TFA's semi-hard loss gives it without positives
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


def test_the_goldens_are_small():
    assert goldens.FILE.stat().st_size < 200_000
