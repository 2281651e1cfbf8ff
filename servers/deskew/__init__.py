"""Finds how a page lies and how well it was scanned."""
