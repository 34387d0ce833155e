"""ComfyUI's API: graphs of its own nodes, carried out by the studio."""

from maquette.server.compat.comfyui.face import face

__all__ = ["face"]
