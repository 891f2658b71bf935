"""Validation: return one verdict on the staged content of a business date."""
