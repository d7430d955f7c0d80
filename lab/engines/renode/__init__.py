"""Renode as an engine, and the files that Renode reads.

Generated from Renode's sources, not yet run on Renode: see docs/renode.md.
"""
