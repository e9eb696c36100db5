"""What is wrong with an installation: many small checks, which look and change nothing."""
