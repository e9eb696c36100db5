"""Kubernetes: what its objects say of what was at work where, read from files and never asked."""
