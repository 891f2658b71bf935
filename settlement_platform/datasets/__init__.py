"""What is received: one declaration per dataset, and what can be derived from it."""
