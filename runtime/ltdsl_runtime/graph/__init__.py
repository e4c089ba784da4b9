"""The graphs: a stage's training step, and evaluation."""
