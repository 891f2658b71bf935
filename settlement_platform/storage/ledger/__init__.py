"""The ledger: append-only facts in SQLite or PostgreSQL."""
