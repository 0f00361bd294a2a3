"""The desktop window: a gateway of its own on the loopback, the pages in a window, one of both at a time."""
