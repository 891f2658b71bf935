"""Publish: make validated content visible in one transaction."""
