"""Documents: where they come from, what they are, and their pages as pixels.

This package imports nothing here: the worker process imports it and must stay light.
"""
