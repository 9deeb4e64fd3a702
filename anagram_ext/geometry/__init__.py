"""Where points come from: regions, designs of points in them, samplers that draw them by seed.

Imports only ``checks`` and ``errors``.
"""
