"""`settlement sql`."""
