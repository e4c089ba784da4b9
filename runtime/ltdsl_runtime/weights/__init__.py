"""Checkpoints: reading, writing, starting from them."""
