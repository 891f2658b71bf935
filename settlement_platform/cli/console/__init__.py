"""Shared parts of all commands: output, options, exit codes and stores."""
