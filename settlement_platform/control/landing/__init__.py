"""Deliveries: the files that make up a business date, and the identity of their content."""
