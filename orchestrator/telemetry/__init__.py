"""What the orchestrator tells of documents, pages and steps."""
