"""Several workers, on one machine or many: who they are, what they say to each other, how classes are split.

Nothing here is in the graphs of a run with one worker.
"""
