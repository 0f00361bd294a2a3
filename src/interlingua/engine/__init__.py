"""Policy: which target, how often, at what cost. Works on canonical values alone."""
