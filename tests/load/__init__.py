"""The local mesh under load for long: soak and overload."""
