"""Argo CD: what its Applications tell of what was deployed, read from files and never asked."""
