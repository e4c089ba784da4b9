"""Kernels of this project's own for a CPU, compiled on the machine that trains."""
