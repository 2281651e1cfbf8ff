"""HTTP/2 (RFC 9113) as a proxy wants it: frames pass through, nobody collects a message."""
