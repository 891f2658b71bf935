"""Engines: DuckDB, PostgreSQL, SQLite and object stores, and how to connect to each."""
