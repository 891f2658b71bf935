"""Inspection: the state of a business date, now or at a past time, for commands that only read."""
