"""Diagnostic codes: one table for each family, and what is done with codes. `check` loads no table."""
