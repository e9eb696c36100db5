"""Terraform: what deployments stand on, read from state files, through a list of what is kept."""
