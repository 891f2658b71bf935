"""The command `settlement sql`."""
