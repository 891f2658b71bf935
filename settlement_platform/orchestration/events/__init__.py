"""Events: what the Dagster instance is told about business dates."""
