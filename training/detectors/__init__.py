"""Pages composed with labels, and networks, for the checkbox and signature detectors."""
