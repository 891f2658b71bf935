"""Retention: how long data is kept, and what may be merged or removed."""
