"""Tricks, data sets, models and augmentations of other packages, found by their entry points.

A package names each of its declarations in the group of its kind, and what trains it in another:

    [project.entry-points."ltdsl.tricks"]
    prior_shift = "ltdsl_prior_shift:PriorShift"

    [project.entry-points."ltdsl.implementations"]
    prior_shift = "ltdsl_prior_shift.training:prior_shift"

Installing a package is not enough: its code runs only once its user has enabled it (``ltdsl plugins enable PACKAGE``),
which no file beside a recipe can do. From then on its declarations are in the catalogue of every command. What trains
them is loaded by training alone.
"""
