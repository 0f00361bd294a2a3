"""Conversations as files: written for people and for others to read, and read from what others wrote."""
