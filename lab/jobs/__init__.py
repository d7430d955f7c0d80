"""The jobs: each takes what the user asked for and returns a record."""
