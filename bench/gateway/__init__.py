"""What the gateway costs: receiving results, waiting clients, uploads."""
