"""The same person across cameras: crops or tracklets clustered into identities, and how well.

NumPy, and SciPy when something is computed.
"""

from osnet_tf.identities.clustering import identify
from osnet_tf.identities.constraints import cannot_link
from osnet_tf.identities.dendrogram import Dendrogram
from osnet_tf.identities.measures import IdentityScores, score_identities
from osnet_tf.identities.pairs import pair_distances
from osnet_tf.identities.tracklets import Tracklets, join_tracklets

__all__ = [
    "Dendrogram",
    "IdentityScores",
    "Tracklets",
    "cannot_link",
    "identify",
    "join_tracklets",
    "pair_distances",
    "score_identities",
]
