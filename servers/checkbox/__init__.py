"""Finds the boxes of a page that are to be ticked, and which are."""
