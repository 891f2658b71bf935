"""Everything that needs names which Dagster keeps private; no other folder imports them."""
