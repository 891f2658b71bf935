"""Processing: take one business date, or many, from landing to publication."""
