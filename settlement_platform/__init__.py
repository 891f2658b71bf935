"""A settlement data platform that publishes only what it has checked."""

__version__ = "0.1.0"
