"""Spans and metrics of calls, made beside the calls: from records, in a thread of their own."""
