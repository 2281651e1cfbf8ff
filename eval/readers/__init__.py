"""Programs that read pages, ours and others', each in a process of its own."""
