"""Reads the text of a page."""
