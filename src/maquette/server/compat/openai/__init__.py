"""The OpenAI Images API: ``/v1/images/*`` and ``/v1/models``."""

from maquette.server.compat.openai.face import face

__all__ = ["face"]
