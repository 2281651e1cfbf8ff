"""Reads a page's layout: which words label which box, where to sign, which value has which name."""
