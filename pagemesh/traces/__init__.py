"""Spans of the local mesh: taken in by OTLP, kept in a file of bounded size, read as a tree."""
