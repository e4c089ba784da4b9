"""Epochs that runs share: what they depend on, their files in the cache, and whose runs are believed."""
