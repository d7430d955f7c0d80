"""Loads Renode when it is imported, as the real one does, unless told not to; or does not."""

from pyrenode3 import env, loader

if not env.pyrenode_skip_load:
    loader.load()
