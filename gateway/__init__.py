"""REST over the mesh: send a document, receive what was read on it, look at it in a browser."""
