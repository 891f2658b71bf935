"""Alerts: the conditions that raise one, its episode, and the messages to its owner."""
