"""Measure the ledger beside its rivals: the same work, one machine, one run."""
