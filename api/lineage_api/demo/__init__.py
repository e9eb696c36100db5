"""The demo: a story that was recorded from real tools, shipped with the software."""
