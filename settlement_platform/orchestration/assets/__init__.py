"""Assets: datasets and marts as Dagster assets, with their checks."""
