"""Sweeps: a table of runs, made from recipes, lists of values and seeds, and worked off process by process.

axes → grid → table (all compiled, named) → folder (what is there already) → drive (what is left, in processes).
"""
