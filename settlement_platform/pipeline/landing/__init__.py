"""Land: identify what was delivered and record it."""
