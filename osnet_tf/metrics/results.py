"""Results of several splits averaged, and results of each query written to a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from osnet_tf.errors import ArgumentError
from osnet_tf.files import table_writer
from osnet_tf.metrics.ranking import RankingResult
from osnet_tf.types import PathLike


@dataclass(frozen=True, eq=False)
class SplitAverage:
    """Means and standard deviations (ddof 1; NaN for one split) of several `RankingResult`s.

    Attributes:
        num_splits: how many.
        cmc, cmc_std: float64 `(max_rank,)`.
        mAP, mAP_std, mINP, mINP_std: floats.
    """

    num_splits: int
    cmc: np.ndarray
    cmc_std: np.ndarray
    mAP: float
    mAP_std: float
    mINP: float
    mINP_std: float


def average_splits(results: Sequence[RankingResult]) -> SplitAverage:
    """Averages `RankingResult`s over splits, each split with the same weight.

    Raises:
        ArgumentError: without any result, or if their CMC curves differ in length.

    Example:

    >>> from osnet_tf.metrics import average_splits, rank_distances
    >>> labels = [7], [7, 4], [0], [1, 1]
    >>> splits = [rank_distances([row], *labels, max_rank=1) for row in ([1, 2], [2, 1])]
    >>> average = average_splits(splits)
    >>> average.cmc, average.mAP, round(average.mAP_std, 4)
    (array([0.5]), 0.75, 0.3536)
    """
    results = list(results)
    lengths = sorted({len(result.cmc) for result in results})
    if len(lengths) != 1:
        raise ArgumentError(
            "results must hold at least one result, all with the same max_rank. "
            f"Received: {len(results)} results, max_rank={lengths}"
        )
    fields = {}
    for name in ("cmc", "mAP", "mINP"):
        values = np.array([getattr(result, name) for result in results])
        fields[name] = values.mean(axis=0)
        one = len(results) == 1
        fields[f"{name}_std"] = np.full_like(values[0], np.nan) if one else values.std(0, ddof=1)
    scalars = {k: v if k.startswith("cmc") else float(v) for k, v in fields.items()}
    return SplitAverage(num_splits=len(results), **scalars)


def per_query(result: RankingResult, /, **columns: Any) -> dict[str, Any]:
    """One column a measure, one row a query, as a dict of arrays of length Q.

    Args:
        result: a `RankingResult`.
        **columns: further columns of length Q to stand in front, such as `path=paths`, `pid=pids`.

    Returns:
        A dict: the given columns, then `num_matches`, `first_match`, `average_precision` and
        `inverse_negative_penalty` (NaN for queries without a match).

    Raises:
        ArgumentError: if a column has another length.
    """
    names = "num_matches", "first_match", "average_precision", "inverse_negative_penalty"
    table = {**columns, **{name: getattr(result, name) for name in names}}
    for name, values in columns.items():
        if name in names or len(values) != len(result.num_matches):
            raise ArgumentError(
                f"Column {name!r} must have a name of its own and {len(result.num_matches)} "
                f"values, one a query. Received: {len(values)} values"
            )
    return table


def write_per_query(path: PathLike, result: RankingResult, /, **columns: Any) -> None:
    """Writes `per_query` as CSV or Parquet, as a whole or not at all.

    Args:
        path: ends in `.csv` (UTF-8, one header line; NaN is left empty) or `.parquet` (NaN is null;
            needs pyarrow).
        result, **columns: as in `per_query`.

    Raises:
        ArgumentError: another kind of file; columns that do not fit.
        MissingPackageError: Parquet without pyarrow.

    Example:

    >>> import pathlib, tempfile
    >>> from osnet_tf.metrics import rank, write_per_query
    >>> result = rank([[0.0], [0.0]], [[1.0], [2.0]], [7, 8], [4, 7], [0, 0], [1, 1])
    >>> path = pathlib.Path(tempfile.mkdtemp(), "per_query.csv")
    >>> write_per_query(path, result, pid=[7, 8])
    >>> print(path.read_text().strip())
    pid,num_matches,first_match,average_precision,inverse_negative_penalty
    7,1,2,0.5,0.5
    8,0,,,
    """
    table_writer(path, (".csv", ".parquet"))(per_query(result, **columns))
