"""Where documents and their finished pages are kept: one interface, several kinds of store."""
