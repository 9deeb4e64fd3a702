"""The compiled modules: finding and loading them, their libraries, one plan a network shape.

Imports only ``checks`` and ``errors``.
"""
