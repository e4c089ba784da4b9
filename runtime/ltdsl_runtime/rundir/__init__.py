"""Writing a run directory: its lock, the places it names, versions."""
