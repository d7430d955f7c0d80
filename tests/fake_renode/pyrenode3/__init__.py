"""Loads Renode when it is imported, as the real one does; or does not."""

from pyrenode3._misbehave import on_load

on_load()
