"""Finds handwritten signatures on a page."""
