"""Measuring: what the lab looks at while an engine runs an image."""
