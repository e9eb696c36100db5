"""Access: who may do what, by what the log states, and as of any size."""
