"""A problem bound to a model: the rows of each condition, stacked to one least-squares problem.

Imports ``linear``, ``models``, ``pde`` and what is below them.
"""
