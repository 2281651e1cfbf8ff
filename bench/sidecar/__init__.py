"""What the sidecar costs, beside no proxy and beside Envoy."""
