"""The lake: everything published, in DuckLake."""
