"""Side-by-side measurements of the whole system. Run with `make bench`."""
