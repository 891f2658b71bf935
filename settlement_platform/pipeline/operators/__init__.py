"""Operators' actions: authorised, recorded, then done."""
