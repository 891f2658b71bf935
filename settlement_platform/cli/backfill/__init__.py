"""`settlement backfill` and its sub-commands."""
