"""What a user writes: coordinates, fields and their derivatives, conditions, the problem.

Imports ``geometry`` and what is below it.
"""
