"""What MindSpore has written in C++."""

class FuncGraph:
    """A graph that was read from a file."""
