"""The digest of a model: what its files are, whatever its folder is called."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["digest_of", "sha256_of"]

_PARTS = (
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "tokenizer",
    "tokenizer_2",
    "tokenizer_3",
    "transformer",
    "unet",
    "vae",
)
_SEEN: dict[tuple[Path, int, int], str] = {}

LARGE = 64 * 2**20
"""Bytes from which a digest is kept between processes: FLUX has 24 GB, half a minute to read."""


def sha256_of(file: Path, *, fresh: bool = False) -> str:
    """SHA-256 of a file's bytes; kept for as long as its size and times stay: in memory, and for
    large files in a note in the person's cache folder (``XDG_CACHE_HOME``). ``fresh`` reads it
    whatever is kept."""
    stat = file.stat()
    key = (file, stat.st_size, stat.st_mtime_ns)
    if fresh or key not in _SEEN:
        note = _note(file, stat) if stat.st_size >= LARGE else None
        _SEEN[key] = (None if fresh else _kept(note)) or _read(file, note)
    return _SEEN[key]


def _note(file: Path, stat: os.stat_result) -> Path:
    """Where the digest of this state of a file is kept: named by path, size and both times."""
    base = os.environ.get("XDG_CACHE_HOME")
    state = f"{file.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}"
    name = hashlib.sha256(state.encode("utf-8", "surrogateescape")).hexdigest()
    return (Path(base) if base else Path.home() / ".cache") / "maquette" / "digests" / name


def _kept(note: Path | None) -> str | None:
    try:
        told = note.read_text("ascii") if note is not None else ""
    except (OSError, ValueError):
        return None
    whole = len(told) == 64 and set(told) <= set("0123456789abcdef")
    return told if whole else None


def _read(file: Path, note: Path | None) -> str:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if note is not None:
        # A cache that cannot be written costs time and nothing else.
        with contextlib.suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            draft = note.with_name(f"{note.name}.{os.getpid()}")
            draft.write_text(found, "ascii")
            draft.replace(note)
    return found


def digest_of(
    folder: Path,
    listed: Mapping[str, str] | None = None,
    gain: object = None,
    parts: Sequence[str] = _PARTS,
) -> str:
    """SHA-256 over ``path NUL sha256 NEWLINE`` of every file of the model, sorted by path.

    ``listed`` are the digests that MODEL.json gives; with them nothing is read here, and the files
    are compared with them when the weights are loaded. Without, the files of the parts count:
    configurations, tokenizer files and safetensors. A ``gain`` that the card states decides
    pictures too, so it counts like a file. Only ``parts`` are read.
    """
    files = dict(listed) if listed else _files(folder, parts)
    lines = "".join(f"{path}\0{sha}\n" for path, sha in sorted(files.items()))
    if gain is not None:
        lines += f"weight_gain\0{gain}\n"
    return hashlib.sha256(lines.encode()).hexdigest()


def _files(folder: Path, parts: Sequence[str]) -> dict[str, str]:
    kinds = {".json", ".txt", ".model", ".safetensors"}
    found = [
        path
        for part in parts
        if (folder / part).is_dir()
        for path in (folder / part).iterdir()
        if path.suffix in kinds
    ]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in found}
