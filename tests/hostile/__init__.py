"""A folder of broken and malicious documents through the whole mesh: `make hostile`."""
