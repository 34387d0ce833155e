"""Vectors of pictures by the pictures' digests: derived, so that nobody looks twice.

One file an encoder, ``vectors/ENCODER``, one row a picture: its digest (32 bytes) and its vector in
half precision. The folder can be thrown away: what is not there is looked at again.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Vectors"]

Floats = npt.NDArray[np.float32]
_OFF = 0.02
"""A vector whose length is farther than this from 1 was damaged."""


class Vectors:
    """The vectors of one encoder. Processes and threads may share the file: rows are only added,
    each process reads what others have added, and what cannot be written is kept in memory."""

    def __init__(self, folder: Path, encoder: str, width: int) -> None:
        """``folder`` is made when the first vector is kept; ``width`` numbers make one."""
        self._file = folder / encoder
        self._row = np.dtype([("image", "u1", (32,)), ("vector", "<f2", (width,))])
        self._places: dict[str, int] = {}
        self._matrix: Floats = np.zeros((0, width), np.float32)
        self._read: tuple[int, int] = (0, 0)  # which file (inode), up to which byte
        self._lock = threading.Lock()

    def missing(self, images: Sequence[str]) -> list[str]:
        """Those of these pictures that nobody has looked at, each once, in this order."""
        with self._lock:
            self._refresh()
            return [image for image in dict.fromkeys(images) if image not in self._places]

    def get(self, image: str) -> Floats | None:
        """The unit vector of a picture; None when nobody has looked at it."""
        with self._lock:
            self._refresh()
            place = self._places.get(image)
            return None if place is None else self._matrix[place]

    def scores(self, wanted: Floats, images: Sequence[str]) -> Floats:
        """How near each of these pictures is to a unit vector, -1 to 1; NaN for those that nobody
        has looked at. The same picture has the same score wherever it stands."""
        with self._lock:
            self._refresh()
            rows = np.fromiter(
                (self._places.get(image, -1) for image in images), np.int64, len(images)
            )
            near = np.append(self._matrix @ wanted, np.float32(np.nan))
        return near[rows].clip(-1, 1).round(6)

    def keep(self, images: Sequence[str], vectors: Floats) -> None:
        """Keep the unit vectors of these pictures."""
        rows = np.zeros(len(images), self._row)
        for row, image in zip(rows, images, strict=True):
            row["image"] = np.frombuffer(bytes.fromhex(image), np.uint8)
        rows["vector"] = vectors
        with self._lock:
            with suppress(OSError):
                self._append(rows.tobytes())
                self._refresh()
            self._take(rows)  # those that are not in the file

    def _append(self, data: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = os.fstat(file.fileno()).st_size
            if torn := size % self._row.itemsize:  # a writer was killed, or the disk was full
                file.truncate(size - torn)
            file.write(data)

    def _refresh(self) -> None:
        try:
            with self._file.open("rb") as file:
                state = os.fstat(file.fileno())
                known, start = self._read
                if known != state.st_ino or start > state.st_size:
                    start = 0  # thrown away and begun anew: what is known stays right
                self._read = (state.st_ino, start)
                if state.st_size - start < self._row.itemsize:
                    return
                file.seek(start)
                data = file.read()
        except OSError:
            return
        whole = len(data) - len(data) % self._row.itemsize
        self._read = (state.st_ino, start + whole)
        self._take(np.frombuffer(data[:whole], self._row))

    def _take(self, rows: npt.NDArray[Any]) -> None:
        vectors = rows["vector"].astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1)
        names = rows["image"].tobytes().hex()
        fresh: list[int] = []
        for n, length in enumerate(lengths.tolist()):
            image = names[64 * n : 64 * n + 64]
            if abs(length - 1) < _OFF and image not in self._places:  # NaN is not below
                self._places[image] = len(self._matrix) + len(fresh)
                fresh.append(n)
        if fresh:
            self._matrix = np.concatenate([self._matrix, vectors[fresh] / lengths[fresh, None]])
