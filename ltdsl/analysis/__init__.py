"""From syntax to a Recipe: load what is used, merge layers, validate every value and combination."""
