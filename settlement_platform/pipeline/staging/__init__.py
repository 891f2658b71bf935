"""Staging: turn delivered text into typed Parquet, with findings."""
