"""The routes, one file a noun. Each module has a ``router``."""
