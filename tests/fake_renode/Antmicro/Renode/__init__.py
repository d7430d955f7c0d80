"""The namespace of Renode."""
