"""Commands that show state: status, partitions, explain, alerts, lineage, lateness and runbook."""
