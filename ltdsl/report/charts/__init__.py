"""The report's charts, as Vega-Lite specifications made with Altair.

Colours are the page's CSS variables, so that a chart is dark where the page is, and changes with it.
"""
