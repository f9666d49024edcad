"""A page that compares crops in the browser, and the local server that hands it out."""

from osnet_tf.web.server import web_demo

__all__ = ["web_demo"]
