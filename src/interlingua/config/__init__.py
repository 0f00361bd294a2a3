"""Settings: read, checked, and built into an engine."""
