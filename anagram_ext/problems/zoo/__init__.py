"""One file a PDE: each holds the function of its name.

Imports what a user would; ``anagram_ext.problems`` hands the functions out.
"""
