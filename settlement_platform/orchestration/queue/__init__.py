"""The run queue: tags, the index of runs, catch-up and backfills."""
