"""Proofs: hashing of the log's tree. Pure functions, no I/O."""
