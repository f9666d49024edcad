"""Tables of people that were searched for or told apart."""

from collections.abc import Sequence
from typing import Any


def matches_table(matches: Sequence[Any]) -> str:
    """What `osnet_tf.search.Gallery.search` has found, nearest first.

    >>> from types import SimpleNamespace
    >>> match = SimpleNamespace(distance=0.21, same_person=True, pid=7, camid=-1, time=12.5)
    >>> match.key = "a.jpg"
    >>> print(matches_table([match]))
      distance  same  pid  camid      time  crop
    1    0.210   yes    7      -     12.50  a.jpg
    >>> print(matches_table([]))
    nothing was found
    """
    if not matches:
        return "nothing was found"
    width = len(str(len(matches)))
    lines = [f"{'':>{width}} {'distance':>8}  same  {'pid':>3}  camid  {'time':>8}  crop"]
    for place, match in enumerate(matches, start=1):
        same = {True: "yes", False: "no", None: "-"}[match.same_person]
        pid, camid = ("-" if value < 0 else value for value in (match.pid, match.camid))
        seconds = f"{match.time:.2f}" if match.time >= 0 else "-"
        lines.append(
            f"{place:>{width}} {match.distance:>8.3f}  {same:>4}  {pid:>3}  {camid:>5}  "
            f"{seconds:>8}  {match.key}"
        )
    return "\n".join(lines)


def identity_table(rows: Sequence[Any]) -> str:
    """`(name, osnet_tf.identities.IdentityScores)` of each clustering, in per cent.

    >>> from osnet_tf.identities import score_identities
    >>> print(identity_table([("all apart", score_identities([0, 1, 2], [7, 7, 4]))]))
    precision  recall      F1     ARI    IDF1  identities  people
       100.00    0.00    0.00    0.00   66.67           3       2  all apart
    """
    lines = ["precision  recall      F1     ARI    IDF1  identities  people"]
    for name, scores in rows:
        values = (scores.recall, scores.f1, scores.ari, scores.idf1)
        shares = "".join(f"{100 * value:8.2f}" for value in values)
        line = f"{100 * scores.precision:9.2f}{shares}{scores.num_identities:>12}"
        lines.append(f"{line}{scores.num_people:>8}  {name}".rstrip())
    return "\n".join(lines)
