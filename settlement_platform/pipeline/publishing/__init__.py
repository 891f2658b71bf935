"""Publishing: make validated content visible in one transaction."""
