"""The API of A1111, Forge and SD.Next: ``/sdapi/v1``, and ``/controlnet`` of its extension."""

from maquette.server.compat.a1111.face import face

__all__ = ["face"]
