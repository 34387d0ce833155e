"""Which networks are at hand: files of ``MAQUETTE_MODELS/upscalers``, ``/restorers``,
``/detectors`` and ``/recognisers``.

What a file is, is told from its header: nothing is unpickled, no weight is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maquette.core.value import ModelRef
from maquette.engines.diffusers.conditions.headers import PICKLED, read_header
from maquette.engines.diffusers.digests import sha256_of
from maquette.engines.diffusers.models import shipped
from maquette.engines.learned.shapes import Shape, finds, recognises, shape_of
from maquette.errors import MaquetteError, ModelMissing, ModelRefused

__all__ = ["Kind", "Network", "choose", "find", "networks"]

Kind = Literal["upscalers", "restorers", "detectors", "recognisers"]

_SHIPPED = shipped() / "postcard" / "upscaler" / "upscaler.safetensors"


@dataclass(frozen=True)
class Network:
    """A network's file. ``shape`` is None for ONNX, which says it itself; ``problem`` is why it
    cannot be used, or empty. ``numbers`` are those that a recogniser tells a face by,
    ``finder`` is a detector's kind."""

    name: str
    path: Path
    shape: Shape | None = None
    numbers: int | None = None
    finder: Literal["yunet", "scrfd"] | None = None
    problem: str = ""

    @property
    def ref(self) -> ModelRef:
        """Its name and the SHA-256 of its file, as a recipe names it."""
        return ModelRef(name=self.name, digest=sha256_of(self.path))

    @property
    def is_onnx(self) -> bool:
        """Whether ONNX Runtime runs it."""
        return self.path.suffix == ".onnx"


def networks(kind: Kind, models: Path | None) -> list[Network]:
    """Every network of a kind, by name; what cannot be used says why."""
    files = [_SHIPPED] if kind == "upscalers" and _SHIPPED.is_file() else []
    folder = models / kind if models is not None else None
    if folder is not None and folder.is_dir():
        known = {".safetensors", ".onnx", *PICKLED}
        files += sorted(file for file in folder.iterdir() if file.suffix in known)
    return [_looked_at(file, kind) for file in files]


def choose(kind: Kind, name: str | None, models: Path | None) -> Network:
    """The network of this name; without one the first that can be used.

    Raises:
        ModelMissing, ModelRefused.
    """
    usable = [network for network in networks(kind, models) if not network.problem]
    return usable[0] if not name and usable else find(kind, name or "", models)


def find(kind: Kind, name: str, models: Path | None) -> Network:
    """The network of this name, or of this file.

    Raises:
        ModelMissing: none goes by it; the hint names those that are there.
        ModelRefused: pickled, truncated, or of no known shape.
    """
    given = Path(name)
    if given.suffix and given.is_file():
        return _read(given, kind)
    at_hand = networks(kind, models)
    for network in at_hand:
        if network.name == name:
            return _read(network.path, kind)
    names = ", ".join(network.name for network in at_hand if not network.problem)
    where = f"put files into {models / kind}" if models else "set MAQUETTE_MODELS to a folder"
    what = f"there is no network '{name}' among the {kind}" if name else f"there are no {kind}"
    raise ModelMissing(
        what,
        hint=f"there is {names}" if names else f"{where} (safetensors or ONNX)",
    )


def _looked_at(file: Path, kind: Kind) -> Network:
    try:
        return _read(file, kind)
    except MaquetteError as error:
        return Network(_name(file), file, problem=str(error))


def _read(file: Path, kind: Kind) -> Network:
    if file.suffix == ".onnx":
        with file.open("rb") as stream:
            # The first field of an ONNX file is its version of the format, a small number.
            if stream.read(1) != b"\x08":
                raise ModelRefused(f"{file.name} is no ONNX file", hint="get it again")
        numbers = recognises(file).width if kind == "recognisers" else None
        finder = finds(file) if kind == "detectors" else None
        return Network(_name(file), file, numbers=numbers, finder=finder)
    shapes, _ = read_header(file)
    if kind != "upscalers":
        raise ModelRefused(
            f"{file.name}: {kind} are read from ONNX files", hint="export it to ONNX first"
        )
    return Network(_name(file), file, shape_of(shapes, file.name))


def _name(file: Path) -> str:
    return "postcard" if file == _SHIPPED else file.stem
