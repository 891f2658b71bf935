"""The gate: whether content may be published, in which state, and under which operator overrides."""
