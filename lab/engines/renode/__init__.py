"""Engine ``renode``: the same board, the same image, in Renode."""
