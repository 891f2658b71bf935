"""Assets and their checks."""
