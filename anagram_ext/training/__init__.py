"""A run from first iterate to files: the loop, what it records, where it stops, what it leaves.

Imports ``methods``, ``systems``, ``figures`` and what is below them.
"""
