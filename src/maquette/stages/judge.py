"""Looking at a version anew: the critics' remarks, and token maps where none were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from maquette.core.finding import Finding
from maquette.core.picture import decode_picture
from maquette.core.recipe import PromptText
from maquette.core.trace import Trace, pack_trace, unpack_trace
from maquette.core.version import Version
from maquette.critics.base import Critic
from maquette.engines.base import Engine, Explainer
from maquette.errors import TraceMissing
from maquette.storage.base import Blobs, Mark, Records

__all__ = ["TRACE", "critique", "explain", "keep_trace", "trace_of", "words_of"]

TRACE = "trace"
"""The kind of mark that holds the digest of token maps made after the picture."""


def trace_of(version: Version, blobs: Blobs, records: Records) -> Trace | None:
    """The token maps of a version: recorded while it was drawn, or made for it since.

    Raises:
        BlobMissing, BlobDamaged.
    """
    made = [mark.value for mark in records.marks([version.id]) if mark.kind == TRACE]
    digest = version.trace or next(reversed(made), None)
    return None if digest is None else unpack_trace(blobs.get(digest))


def critique(
    version: Version, critics: Sequence[Critic], blobs: Blobs, records: Records
) -> list[Finding]:
    """Let the critics look at a version; what they say is kept with it. Returns all that has been
    said of it, worst first.

    Raises:
        BlobMissing, BlobDamaged.
    """
    picture, trace = decode_picture(blobs.get(version.image)), trace_of(version, blobs, records)
    said = [finding for critic in critics for finding in critic.look(version, picture, trace)]
    records.add_findings(version.id, said)
    return records.findings(version.id)


def words_of(version: Version, caption: str | None) -> PromptText:
    """The words to look for in a picture: a caption, else its own prompt.

    Raises:
        TraceMissing: when there are none.
    """
    prompt = PromptText(text=caption) if caption else version.recipe.prompt
    if prompt is None or not prompt.text.strip():
        raise TraceMissing(
            f"version {version.short} has no token maps and no caption",
            hint="say what it shows with --caption TEXT",
        )
    return prompt


def explain(version: Version, prompt: PromptText, engine: Engine, blobs: Blobs) -> Trace:
    """Token maps of any picture and a caption, by noising it at a few timesteps.

    Raises:
        TraceMissing: when the engine cannot do that.
        BlobMissing, BlobDamaged.
    """
    if not isinstance(engine, Explainer):
        raise TraceMissing(
            f"engine '{engine.name}' cannot explain pictures", hint="use --engine diffusers"
        )
    return engine.explain(decode_picture(blobs.get(version.image)).convert("RGB"), prompt)


def keep_trace(version: Version, trace: Trace, blobs: Blobs, records: Records) -> str:
    """Keep token maps that were made after the picture; their digest."""
    digest = blobs.put(pack_trace(trace))
    records.mark(Mark(version.id, TRACE, digest, datetime.now(UTC)))
    return digest
