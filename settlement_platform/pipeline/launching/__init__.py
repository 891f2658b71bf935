"""Launching: whether work may start now, and how fast it may write."""
