"""Words and pictures as vectors, by what is shown, so that one is found by the other.

``base`` is the contract; ``clip`` reads a CLIP's folder, ``fake`` needs no network.
"""

from __future__ import annotations

from maquette.search.base import Encoder
from maquette.search.clip import Clip, files_of, has_clip
from maquette.search.fake import FakeEncoder

__all__ = ["Clip", "Encoder", "FakeEncoder", "files_of", "has_clip"]
