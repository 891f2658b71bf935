"""Orchestration: run the pipeline with Dagster, which no layer below imports."""
