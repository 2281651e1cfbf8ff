"""Tells which kind of document a page belongs to."""
