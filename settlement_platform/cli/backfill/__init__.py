"""The command `settlement backfill` and its sub-commands."""
