"""Functions of parameters and points: the multilayer perceptron and its way from and to torch.

Imports ``pde`` (for its operators) and what is below it.
"""
