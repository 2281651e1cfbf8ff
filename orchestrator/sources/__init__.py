"""Where requests come from besides gRPC. The core knows none of it."""
