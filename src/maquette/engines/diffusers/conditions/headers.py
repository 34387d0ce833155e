"""What a safetensors file holds, told from its header: nothing is unpickled, no weight is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maquette.errors import ModelMissing, ModelRefused

__all__ = ["PICKLED", "Shapes", "in_order", "network_shapes", "read_header"]

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of tensors by their names."""

PICKLED = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
MAX_HEADER = 100_000_000
"""Bytes; the format's own limit."""


def read_header(file: Path) -> tuple[Shapes, Mapping[str, str]]:
    """Shapes and metadata of a safetensors file, whose length is compared with what it announces.

    Raises:
        ModelMissing: there is no such file.
        ModelRefused: pickled, truncated, or nothing of the format.
    """
    if file.suffix in PICKLED:
        raise ModelRefused(
            f"{file.name} is pickled, and pickled files can run any code when they are opened",
            hint="convert it to safetensors on a machine that you can spare",
        )
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > MAX_HEADER:
                raise ModelRefused(f"{file.name} is no safetensors file", hint="get it again")
            if size < 8 + length:
                raise _cut(file)
            told = json.loads(stream.read(length))
    except FileNotFoundError as error:
        raise ModelMissing(f"there is no file {file.name}") from error
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{file.name} is no safetensors file", hint="get it again") from error
    try:
        metadata = {str(k): str(v) for k, v in told.pop("__metadata__", {}).items()}
        shapes = {name: tuple(int(n) for n in each["shape"]) for name, each in told.items()}
        end = max((int(each["data_offsets"][1]) for each in told.values()), default=0)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelRefused(f"{file.name} is no safetensors file", hint="get it again") from error
    if size < 8 + length + end:
        raise _cut(file)
    return shapes, metadata


def in_order(data: bytes) -> bytes:
    """The same safetensors file with its metadata in order: the library writes them in any, and a
    file is known by its digest."""
    length = int.from_bytes(data[:8], "little")
    told = json.loads(data[8 : 8 + length])
    about = told.pop("__metadata__", None)
    if about is not None:
        told = {"__metadata__": dict(sorted(about.items())), **told}
    header = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def _cut(file: Path) -> ModelRefused:
    return ModelRefused(
        f"{file.name} is cut short: it announces more bytes than it has", hint="get it again"
    )


def network_shapes(folder: Path) -> Shapes | None:
    """Shapes of a network's weights, in one file or in several; None where there are none.

    Raises:
        ModelRefused: a file that is damaged.
    """
    if not folder.is_dir():
        return None
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if ".fp16" not in file.name]
    found: dict[str, tuple[int, ...]] = {}
    for file in plain or files:
        found.update(read_header(file)[0])
    return found or None


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ModelRefused: anything else.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{file.parent.name}/{file.name} is not readable JSON") from error
    if not isinstance(value, dict):
        raise ModelRefused(f"{file.parent.name}/{file.name} is not a JSON object")
    return value
