"""The trace: what the engine saw while it drew. Token maps, timings, what it really ran."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from maquette.core.geometry import Box
from maquette.core.trajectory import Kept

__all__ = ["Trace", "TracedWord", "pack_trace", "unpack_trace"]


class TracedWord(BaseModel):
    """A word of the prompt as the model read it: ``start:end`` in the prompt's source text;
    ``known`` is False for one outside the model's vocabulary, whose map means nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: str
    start: int
    end: int
    weight: float = 1.0
    known: bool = True


class Trace(BaseModel):
    """Token maps, one for each word of the prompt.

    ``maps`` has the shape (words, rows, columns), float32: the mean over steps, layers and heads
    of the attention probability that a place gave to the word (0 to 1). The maps cover ``region``
    of the picture, or all of it when that is None. ``timings`` are seconds by phase. ``kept`` is
    the unfinished drawing after some of its steps, earliest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    words: tuple[TracedWord, ...]
    maps: npt.NDArray[np.float32]
    region: Box | None = None
    timings: dict[str, float] = {}
    ran: dict[str, Any] = {}
    kept: tuple[Kept, ...] = ()


def pack_trace(trace: Trace) -> bytes:
    """A trace as one safetensors file: maps in float16, kept latents in float32 (a drawing goes on
    from them to the same bits), the rest as JSON in its metadata."""
    from safetensors.numpy import save

    about: dict[str, Any] = {
        "words": [word.model_dump() for word in trace.words],
        "region": trace.region.model_dump() if trace.region else None,
        "timings": trace.timings,
        "ran": trace.ran,
    }
    tensors: dict[str, npt.NDArray[Any]] = {"maps": trace.maps.astype(np.float16)}
    if trace.kept:
        about["kept"] = [kept.model_dump(exclude={"latents"}) for kept in trace.kept]
        for number, kept in enumerate(trace.kept):
            tensors[f"kept.{number}"] = np.ascontiguousarray(kept.latents, dtype=np.float32)
    return save(tensors, metadata={"trace": json.dumps(about)})


def unpack_trace(data: bytes) -> Trace:
    """Read what ``pack_trace`` wrote.

    Raises:
        ValueError: for bytes that hold no trace.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        maps = tensors["maps"]
        length = int.from_bytes(data[:8], "little")
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["trace"])
        return Trace(
            words=tuple(TracedWord(**word) for word in about["words"]),
            maps=maps.astype(np.float32),
            region=Box(**about["region"]) if about["region"] else None,
            timings=about["timings"],
            ran=about["ran"],
            kept=tuple(
                Kept(**each, latents=tensors[f"kept.{number}"])
                for number, each in enumerate(about.get("kept", ()))
            ),
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a trace: {error}") from error
