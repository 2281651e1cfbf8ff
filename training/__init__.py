"""How training pages and sample documents are made. Nothing at run time imports it."""
