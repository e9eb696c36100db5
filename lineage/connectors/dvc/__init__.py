"""DVC and GTO: pipelines, data and a model registry, read from the history of a git repository."""
