"""Marts: build, check and publish them from published inputs."""
