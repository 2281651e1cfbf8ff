"""Spans and metrics of every process, by OpenTelemetry, and where they go."""
