"""Bytes and their framing, without meaning: nothing here knows a dialect. Sans-IO."""
