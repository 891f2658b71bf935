"""Drivers: how each contender is started, gets its work, and is stopped."""
