"""Deliveries: which files make up a business date, and what identifies their content."""
