"""Pictures: curves of a history, maps of a solution.

Imports ``models``, ``pde`` and what is below them.
"""
