"""How it is run: assets, checks, schedules and the instance; the only folder that knows Dagster."""
