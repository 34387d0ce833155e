"""Faces in pictures that a person gives: where they are, and by which networks they are told.

A detector of ``MAQUETTE_MODELS/detectors`` finds a face's five marks, a recogniser of
``/recognisers`` makes a vector of it. Both are ONNX files that people bring.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from maquette.core.adapter import Adapter
from maquette.core.pixel_tasks import Face
from maquette.core.value import ModelRef
from maquette.critics.faces import SeenFace, likeness
from maquette.errors import ExtraMissing, MaquetteError, ModelMissing, RecipeRefused
from maquette.operations.faces import Finder, around_face, find_faces, one_face

if TYPE_CHECKING:
    from maquette.engines.learned.catalogue import Network

__all__ = ["Faces", "faces_alike"]

_TAUGHT = {"instant": ("glint", "antelope"), "": ("w600k", "buffalo")}
"""With which recognisers the published adapters were taught, by what their names hold: InstantID's
with glintr100 of antelopev2, FaceID's with w600k_r50 of buffalo_l."""
_MOST = 12
"""Faces of a picture that are told at most, the largest."""


class Faces:
    """The networks for faces of a folder of models."""

    def __init__(self, models: Path | None) -> None:
        self._models = models

    @cached_property
    def detector(self) -> Path | Finder | None:
        """The first YuNet or SCRFD; without one OpenCV's cascade finds faces, and no marks."""
        from maquette.engines.learned.catalogue import networks
        from maquette.engines.learned.scrfd import Scrfd

        runs = find_spec("onnxruntime") is not None
        for each in networks("detectors", self._models):
            if each.finder == "yunet":
                return each.path
            if each.finder == "scrfd" and runs:
                return Scrfd(each.path)
        return None

    def recogniser_for(self, adapter: Adapter) -> ModelRef | None:
        """The recogniser whose vectors an adapter reads, of several the one that it was taught with
        as far as names tell, else the first; None for an adapter that reads pictures.

        Raises:
            ModelMissing: there is none, or no detector that finds what it needs.
            RecipeRefused: all tell faces by another number of numbers.
            ExtraMissing: what runs it is not installed.
        """
        from maquette.engines.learned.catalogue import networks

        if not adapter.numbers:
            return None
        at_hand = networks("recognisers", self._models)
        usable = [each for each in at_hand if not each.problem]
        if not usable:
            wrong = f" ({at_hand[0].problem})" if at_hand else ""
            raise ModelMissing(
                f"'{adapter.name}' knows a face by a recogniser, and there is none{wrong}",
                hint="put one of ArcFace's kind, such as w600k_r50.onnx, into"
                " MAQUETTE_MODELS/recognisers, or use an IP-Adapter that reads pictures",
            )
        fitting = [each for each in usable if each.numbers == adapter.numbers]
        fit = min(fitting, key=lambda each: not _taught(adapter, each), default=None)
        if fit is None:
            told = ", ".join(f"'{each.name}' by {each.numbers}" for each in usable)
            raise RecipeRefused(
                f"'{adapter.name}' reads a face of {adapter.numbers} numbers; {told} tell it",
                hint=f"put a recogniser of {adapter.numbers} numbers into"
                " MAQUETTE_MODELS/recognisers",
            )
        if self.detector is None:
            raise ModelMissing(
                f"'{adapter.name}' needs a face's eyes, nose and mouth, and no network here"
                " finds them",
                hint="put YuNet (face_detection_yunet_2023mar.onnx) or SCRFD (det_10g.onnx) into"
                " MAQUETTE_MODELS/detectors",
            )
        if find_spec("onnxruntime") is None:
            raise ExtraMissing(
                f"the recogniser '{fit.name}' needs the package 'onnxruntime'",
                hint="pip install 'maquette[onnx]'",
            )
        return fit.ref

    @property
    def tell(self) -> bool:
        """Whether faces can be told apart here."""
        return self._finest is not None and self.detector is not None

    def told(self, picture: Image.Image) -> list[SeenFace] | None:
        """The faces of a picture as the finest recogniser tells them, the largest first; None where
        a network or what runs it is lacking, or does not work: a look never costs a picture."""
        who = self._finest
        if who is None or self.detector is None:
            return None
        from maquette.engines.learned.recognise import aligned, recogniser

        found: list[SeenFace] = []
        try:
            network = recogniser(who.path, who.ref.digest)
            for face in find_faces(picture, self.detector)[:_MOST]:
                vector = network.vector(aligned(picture, face.marks))
                found.append(SeenFace(face.box, vector / np.float32(np.linalg.norm(vector))))
        except (MaquetteError, ValueError):
            return None
        return found

    @cached_property
    def _finest(self) -> Network | None:
        from maquette.engines.learned.catalogue import networks

        if find_spec("onnxruntime") is None:
            return None
        at_hand = [each for each in networks("recognisers", self._models) if not each.problem]
        return max(at_hand, key=lambda each: each.numbers or 0, default=None)

    def cut_out(self, picture: Image.Image, which: int | None = None) -> tuple[Image.Image, Face]:
        """The neighbourhood of the one face that a picture shows, or of the one that is ``which``
        from the left, and the face as it lies there.

        Raises:
            PictureRefused: there is no face, or several might be meant.
            ModelRefused: the detector is none.
        """
        return around_face(one_face(picture, self.detector, which), picture)


def _taught(adapter: Adapter, network: Network) -> bool:
    name = adapter.name.lower()
    marks = next(marks for part, marks in _TAUGHT.items() if part in name)
    return any(mark in network.name.lower() for mark in marks)


def faces_alike(models: Path | None, one: Image.Image, other: Image.Image) -> float | None:
    """The likeness of the largest faces of two pictures, -1 to 1; None where one shows none, or
    nothing here tells them."""
    faces = Faces(models)
    first = faces.told(one)
    second = faces.told(other) if first else None
    return likeness(first[0], second[0]) if first and second else None
