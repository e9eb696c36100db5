"""What serves where, folded from what was said of each change."""
