"""Requests while everything is killed: `make test-faults`."""
