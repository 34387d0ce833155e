"""The digest of a model: what its files are, whatever its folder is called."""

from __future__ import annotations

import hashlib
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


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes; kept in memory for as long as its size and time stay."""
    stat = file.stat()
    key = (file, stat.st_size, stat.st_mtime_ns)
    if key not in _SEEN:
        with file.open("rb") as stream:
            _SEEN[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _SEEN[key]


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
