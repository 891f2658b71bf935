"""Events: report business dates to the Dagster instance."""
