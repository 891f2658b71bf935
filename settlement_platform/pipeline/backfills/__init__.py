"""Backfills: which dates they take, and how far they are."""
