"""Writing: from statements to entries. The only way into the log."""
