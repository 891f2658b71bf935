"""Retention: what is kept, merged and removed."""
