"""Links: the rules, the guide, re-pointing under load."""
