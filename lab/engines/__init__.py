"""Engines: what executes an image."""
