"""Declarations of the losses.

N_c: training images of class c; N: their sum; C: the number of classes; z: the logits; p: their softmax; y: the label.
"""
