"""How fast the platform is, measured beside a bare script and the machine's floor in one run."""
