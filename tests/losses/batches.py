"""Batches, usual and degenerate, that every loss on pairs must bear."""

import numpy as np

from tests.layer_test_kit import random_input

PIDS = np.array([4, 4, 7, 7, 7, 9, 4, 9])
EMBEDDINGS = random_input((8, 5))

BATCHES = {
    "usual": (PIDS, EMBEDDINGS),
    "one positive each": (np.repeat(np.arange(4), 2), EMBEDDINGS),
    "some without positive": (np.array([1, 1, 2, 3, 4, 4, 4, 5]), EMBEDDINGS),
    "all one identity": (np.full(8, 3), EMBEDDINGS),
    "all distinct": (np.arange(8), EMBEDDINGS),
    "all equal embeddings": (PIDS, np.ones((8, 5), "float32")),
    "all zero embeddings": (PIDS, np.zeros((8, 5), "float32")),
    "duplicated images": (np.tile(PIDS[:4], 2), np.tile(EMBEDDINGS[:4], (2, 1))),
    "negatives on top": (np.arange(8) % 2, EMBEDDINGS[:4].repeat(2, 0)),
    "batch of one": (np.array([5]), EMBEDDINGS[:1]),
    "far apart": (PIDS, 1e3 * EMBEDDINGS),
    "one dimension": (PIDS, EMBEDDINGS[:, :1]),
}
