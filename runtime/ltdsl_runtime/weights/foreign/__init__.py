"""Weights in the forms of PyTorch and of others: read as data, and named as a model here names them."""
