"""Dagster internals: everything that needs private names of Dagster; no other folder imports them."""
