"""Settlement Platform: receive, check and publish settlement data, one business date at a time."""

__version__ = "0.1.0"
