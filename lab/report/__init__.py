"""Reports: read results, never touch an engine."""
