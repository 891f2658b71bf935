"""The command `settlement doctor`."""
