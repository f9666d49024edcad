import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osnet_tf.metrics import (
    Calibration,
    pairwise_distances,
    verify,
)


def pairs_of(distances, q_pids, g_pids, q_camids, g_camids):
    same, different = [], []
    for i, row in enumerate(distances):
        for j, value in enumerate(row):
            if q_pids[i] != g_pids[j]:
                different.append(float(value))
            elif q_camids[i] != g_camids[j]:
                same.append(float(value))
    return np.array(same), np.array(different)


def best_threshold(same, different, fpr):
    """(TPR, FPR) of the loosest rule "nearer than the k-th pair of different people"."""
    best = (0.0, 0.0)
    for limit in [*np.unique(different), np.inf]:
        reached = np.mean(different < limit)
        if reached <= fpr:
            best = (np.mean(same < limit), reached)
    return best


def equal_error(same, different):
    """Walk along the ROC over all distances; where it crosses the diagonal, interpolate."""
    before = (0.0, 1.0)
    for limit in np.unique(np.concatenate([same, different])):
        fpr, fnr = np.mean(different <= limit), np.mean(same > limit)
        if fpr >= fnr:
            share = (before[1] - before[0]) / (before[1] - before[0] + fpr - fnr)
            return before[0] + share * (fpr - before[0]), limit
        before = fpr, fnr
    raise AssertionError


def random_case(seed, num_query=8, num_gallery=40, integers=False, separation=1.0):
    rng = np.random.default_rng(seed)
    q_pids, g_pids = rng.integers(0, 4, num_query), rng.integers(0, 4, num_gallery)
    centers = separation * rng.standard_normal((4, 3))
    query = centers[q_pids] + rng.standard_normal((num_query, 3))
    gallery = centers[g_pids] + rng.standard_normal((num_gallery, 3))
    if integers:
        query, gallery = np.round(query), np.round(gallery)
    cams = rng.integers(0, 2, num_query), rng.integers(0, 3, num_gallery)
    return query, gallery, q_pids, g_pids, *cams


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    integers=st.booleans(),
    metric=st.sampled_from(["euclidean", "sqeuclidean", "cosine"]),
    block=st.integers(1, 9),
    separation=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_equals_the_lists_of_all_pairs(seed, integers, metric, block, separation):
    case = random_case(seed, integers=integers, separation=separation)
    fprs = (0.5, 0.1, 0.03, 1e-4)
    result = verify(*case, fprs=fprs, metric=metric, block=block)
    distances = pairwise_distances(*case[:2], metric=metric)
    same, different = pairs_of(distances, *case[2:])
    assert (result.num_same, result.num_different) == (len(same), len(different))
    for k, fpr in enumerate(fprs):
        tpr, reached = best_threshold(same, different, fpr)
        assert result.tprs[k] == tpr
        assert result.reached_fprs[k] == reached
        threshold = result.thresholds[k]
        assert np.mean(same <= threshold) == tpr
        assert np.mean(different <= np.nextafter(threshold, np.float32(9e9))) > fpr
    eer, threshold = equal_error(same, different)
    assert result.eer == pytest.approx(eer, abs=1e-12)
    assert result.eer_threshold == np.float32(threshold)
    for threshold, fpr, tpr in zip(
        result.roc_thresholds, result.roc_fpr, result.roc_tpr, strict=True
    ):
        assert fpr == np.mean(different <= threshold)
        assert tpr == np.mean(same <= threshold)
    assert result.same_counts.sum() == len(same)
    assert result.roc_fpr[-1] == result.roc_tpr[-1] == 1


def test_cameras_may_be_ignored():
    case = random_case(1)
    result = verify(*case[:4], None, None, camera_aware=False)
    assert result.num_same == (case[2][:, None] == case[3]).sum()
    assert result.num_same > verify(*case).num_same


def test_a_rate_between_rounded_products_is_met_exactly():
    """29 of 100 pairs are allowed at 0.29, though 0.29 * 100 rounds below 29."""
    gallery = np.arange(1.0, 102.0)[:, None]
    g_pids = np.array([1] * 100 + [0])
    result = verify([[0.0]], gallery, [0], g_pids, [0], np.ones(101, int), fprs=(0.29,))
    assert result.reached_fprs[0] == 0.29


def test_collapsed_features_accept_nothing():
    result = verify(np.ones((3, 2)), np.ones((6, 2)), [0, 1, 2], [0, 1, 2] * 2, [0] * 3, [1] * 6)
    np.testing.assert_array_equal(result.tprs, 0)
    assert (result.thresholds < 0).all()
    assert result.eer == 0.5
    assert not result.calibration(1e-3).same_person(0.0)


def test_summary_and_calibration():
    result = verify(*random_case(4), fprs=(0.1, 0.01), metric="cosine")
    summary = result.summary()
    assert summary["TPR@FPR=0.1"] == result.tprs[0]
    assert summary["EER"] == result.eer
    json.dumps(summary)
    calibration = result.calibration(0.1)
    assert calibration.metric == "cosine"
    distances = pairwise_distances(*random_case(4)[:2], metric="cosine")
    same, different = pairs_of(distances, *random_case(4)[2:])
    assert calibration.same_person(same).mean() == calibration.tpr == result.tprs[0]
    assert calibration.same_person(different).mean() == calibration.fpr <= 0.1
    assert calibration.same_person(float(result.thresholds[0])) is True
    with pytest.raises(ValueError, match=r"fpr must be one of .*\(0\.1, 0\.01\)\. Received: 0\.5"):
        result.calibration(0.5)
    with pytest.raises(ValueError, match="must not be NaN"):
        calibration.same_person([0.1, np.nan])


def test_invalid_arguments():
    query, gallery, *labels = random_case(0)
    with pytest.raises(ValueError, match=r"`fprs` must be > 0 and < 1\. Received: fprs=1\.0"):
        verify(query, gallery, *labels, fprs=(1.0,))
    ones = np.ones(8, int), np.ones(40, int)
    with pytest.raises(ValueError, match="no pair of different people: all images have one pid"):
        verify(query, gallery, *ones, *labels[2:])
    with pytest.raises(ValueError, match="`metric` must be one of"):
        Calibration("l2", threshold=1.0, fpr=0.1, tpr=0.1)
    with pytest.raises(ValueError, match="`threshold` must be a finite number"):
        Calibration("cosine", threshold=float("nan"), fpr=0.1, tpr=0.1)
