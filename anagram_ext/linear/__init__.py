"""Linear algebra: a Jacobian, stored or streamed, its truncated factorisation, its solves.

Imports ``native`` and what is below it.
"""
