"""A few seeded trials of every kind of random damage; `python -m tests.fuzz` makes many."""

import importlib

import pytest

from tests.fuzz import kinds, try_one


@pytest.mark.parametrize("kind", kinds())
def test_random_damage_is_named_or_harmless(kind):
    for seed in range(importlib.import_module(f"tests.fuzz.{kind}").SMALL):
        try:
            try_one(kind, seed)
        except Exception as error:
            raise AssertionError(f"{kind}, seed {seed}: {error!r}") from error
