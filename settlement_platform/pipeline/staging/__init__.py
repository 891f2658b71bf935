"""Stage: turn delivered text into typed Parquet, with its findings."""
