"""Operator actions: authorize, record and execute them."""
