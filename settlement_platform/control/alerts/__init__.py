"""Alerts: what is wrong, when an episode begins and ends, and what its owner is sent."""
