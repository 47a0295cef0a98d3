"""The EdgePaaS service: a record of edge nodes. Knows nothing of the layer under it."""

__version__ = "0.1.0"
