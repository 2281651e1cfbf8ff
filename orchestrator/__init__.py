"""Takes documents, sends their pages through a pipeline of models, and accounts for every page."""
