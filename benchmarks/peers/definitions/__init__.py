"""The work as each orchestrator wants it declared; loaded in its own environment, not in the project's."""
