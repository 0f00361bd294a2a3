"""The one door to the network, and its stand-ins."""
