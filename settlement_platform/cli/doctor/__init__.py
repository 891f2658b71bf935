"""`settlement doctor`."""
