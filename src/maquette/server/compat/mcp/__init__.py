"""The Model Context Protocol: the studio as tools for an assistant, pictures in the answers.

The package ``mcp`` is an extra, and takes a while to import: nothing here does so before the first
request comes.
"""

from maquette.server.compat.mcp.face import face

__all__ = ["face"]
