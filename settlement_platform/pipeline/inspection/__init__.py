"""Inspection: the state of business dates, now or then, for commands that only read."""
