"""Rules: what a statement must satisfy before it may enter the log. Pure functions."""
