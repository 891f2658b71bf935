"""Pipeline: take a business date through its steps; each step is idempotent and on record."""
