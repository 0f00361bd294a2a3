"""Models beside each other: the same question, measured."""
