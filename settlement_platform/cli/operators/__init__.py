"""Commands for operator actions and the quarantine."""
