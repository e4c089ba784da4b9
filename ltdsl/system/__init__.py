"""Files, paths and processors of the machine."""
