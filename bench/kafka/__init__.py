"""What the Kafka door costs. Run with `make bench-kafka`."""
