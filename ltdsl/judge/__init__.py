"""Whether a difference between trained networks, or between recipes, is one: intervals, tests, and what may be claimed.

Rests on what runs keep of each image (:mod:`ltdsl.runs.predictions`). Computes with NumPy, which the language does
without: :mod:`ltdsl.judge.pairs` and what it stands on are imported where they are needed.
"""
