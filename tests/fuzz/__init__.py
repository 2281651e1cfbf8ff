"""Bytes that nobody thought of, for everything that reads what others send: `make fuzz`."""
