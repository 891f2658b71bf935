"""Timeliness: when files are due, how late they are, and how fresh the published data is."""
