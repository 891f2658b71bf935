"""The only folder that imports names which Dagster keeps private; each import says why, and what would replace it."""
