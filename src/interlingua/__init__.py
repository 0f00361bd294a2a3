"""Interlingua: one interface to any language model."""

from interlingua._version import __version__

__all__ = ["__version__"]
