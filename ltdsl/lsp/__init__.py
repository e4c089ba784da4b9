"""The language server: what editors show of a recipe while it is being written.

:mod:`.server` speaks the protocol; everything else here maps a text and a place in it to an answer, for any text.
"""
