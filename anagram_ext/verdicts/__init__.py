"""Whether a run solved its problem: points it never saw, the likely error, what speaks against it.

Imports ``methods``, ``systems`` and what is below them.
"""
