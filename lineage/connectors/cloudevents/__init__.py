"""CloudEvents: the envelope that many tools put around what they send."""
