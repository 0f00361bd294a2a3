"""Codecs: one folder per wire format, the same rooms and names in each. Sans-IO, both ways."""
