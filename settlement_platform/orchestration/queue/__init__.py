"""The run queue: tags, index of runs, catch-up and backfills."""
