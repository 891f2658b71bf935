"""How one business date moves: land, stage, validate, publish, build marts; each step idempotent, each on record."""
