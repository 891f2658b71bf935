"""The lake: all published data, in DuckLake."""
