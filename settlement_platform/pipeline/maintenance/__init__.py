"""Maintenance: merge small files, expire snapshots, remove orphans."""
