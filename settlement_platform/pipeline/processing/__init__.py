"""Process: move one business date, or many, from landing to publication."""
