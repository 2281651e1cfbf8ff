"""Registered forms: their definitions, the page laid on the blank form, and named values."""
