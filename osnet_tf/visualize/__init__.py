"""Pictures of results, by Matplotlib, which loads with the first one."""

from osnet_tf.visualize.curves import draw_cmc, draw_distances, draw_roc

__all__ = ["draw_cmc", "draw_distances", "draw_roc"]
