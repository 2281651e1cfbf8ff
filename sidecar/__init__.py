"""The sidecar: a gRPC proxy beside every model that makes traces and metrics of its calls."""
