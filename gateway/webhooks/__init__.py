"""Tells clients' own servers that a document is at its end."""

from gateway.webhooks.courier import Webhooks, open_webhooks

__all__ = ["Webhooks", "open_webhooks"]
