"""Ratios of one run: ours against the same work done plainly, taking turns. See README.md."""
