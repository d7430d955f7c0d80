"""The command ``lab``: arguments in, one call each."""
