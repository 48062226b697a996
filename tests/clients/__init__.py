"""Real clients against the daemon."""
