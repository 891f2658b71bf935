"""Operators' commands, and the quarantine."""
