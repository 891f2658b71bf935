"""How each contender is started, asked for work and stopped."""
