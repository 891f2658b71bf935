"""Commands that run something: generate, materialize, tidy, and `make dev`."""
