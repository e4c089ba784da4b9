"""A run: stage after stage, epoch after epoch, into a run directory."""
