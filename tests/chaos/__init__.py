"""Faults of every kind, and what the mesh does about them: `make chaos`."""
