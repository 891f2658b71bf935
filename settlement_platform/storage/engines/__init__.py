"""Engines: connections to DuckDB, PostgreSQL, SQLite and object stores."""
