"""The work as each orchestrator declares it; loaded in its own environment, not in that of the project."""
