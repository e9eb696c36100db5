"""Stores: where entries and views live. They share a contract and its suite, not code."""
