"""Pictures of results, by Matplotlib, which loads with the first one."""

from osnet_tf.visualize.curves import draw_cmc, draw_distances, draw_roc
from osnet_tf.visualize.people_map import draw_people, tsne
from osnet_tf.visualize.training import draw_training

__all__ = ["draw_cmc", "draw_distances", "draw_people", "draw_roc", "draw_training", "tsne"]
