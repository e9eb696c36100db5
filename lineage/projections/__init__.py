"""Projections: pure folds of entries into views. One view a file; ``views`` runs them together."""
