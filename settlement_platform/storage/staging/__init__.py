"""The staging area: immutable Parquet files that no reader sees."""
