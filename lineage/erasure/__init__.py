"""Erasure: what would be erased, what forbids it, and erasing it everywhere."""
