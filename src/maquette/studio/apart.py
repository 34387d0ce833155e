"""A process apart, for looks that need torch on behalf of one that must stay light.

A server answers many at once: torch would cost it some 300 MB and seconds at the first look, and a
look would hold up the others. A worker has torch, but may be drawing for a minute while somebody
types into a search. So a server has what it is asked to look at now looked at by a process of its
own, which begins with the first look and leaves when nobody has asked for a while. A function and
values go there, a value comes back; nothing else reaches it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from PIL import Image

from maquette.engines.diffusers.imports import patient_threads
from maquette.errors import EngineFailed
from maquette.search import Encoder
from maquette.search.base import Vectors

__all__ = ["Apart", "EncoderApart"]

IDLE = 300.0
"""Seconds without a look after which the process leaves."""

P = ParamSpec("P")
T = TypeVar("T")


class Apart:
    """One such process, for any thread to ask. It does one thing at a time."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._pool: ProcessPoolExecutor | None = None
        self._leaving: threading.Timer | None = None
        self._asked, self._closed = 0, False
        self._lock = threading.Lock()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function, one that can be imported, answers there.

        Raises:
            EngineFailed: the process ended in the middle of it, or is not to be begun any more.
            MaquetteError: what the function raises.
        """
        pool = self._enter()
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            self._forget(pool)
            raise EngineFailed(
                "the process that looks at pictures has ended",
                hint="ask again; if it ends each time, there may be too little memory",
            ) from error
        finally:
            self._leave()

    def close(self) -> None:
        """Let the process go, and begin no other."""
        with self._lock:
            self._closed = True
            if self._leaving is not None:
                self._leaving.cancel()
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _enter(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise EngineFailed("the server is being closed", hint="ask again when it is back")
            if self._leaving is not None:
                self._leaving.cancel()
            if self._pool is None:
                patient_threads()  # read from the environment, which it inherits
                # 'spawn': a process with threads is not to be forked.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, initializer=_begin)
            self._asked += 1
            return self._pool

    def _leave(self) -> None:
        with self._lock:
            self._asked -= 1
            if self._asked == 0 and self._pool is not None:
                self._leaving = threading.Timer(self._idle, self._rest)
                self._leaving.daemon = True
                self._leaving.start()

    def _rest(self) -> None:
        with self._lock:
            if self._asked:
                return
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    def _forget(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is broken:
                self._pool = None


def _begin() -> None:
    """Leave with the process that asks, however that ends; Ctrl-C is meant for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asking = multiprocessing.parent_process()
    if asking is not None:
        threading.Thread(target=_follow, args=(asking.join,), daemon=True).start()


def _follow(end: Callable[[], None]) -> None:
    end()
    os._exit(0)


class EncoderApart:
    """An encoder whose looks are done apart; see ``search.Encoder``."""

    def __init__(self, encoder: Encoder, apart: Apart) -> None:
        self.digest, self.width = encoder.digest, encoder.width
        self._encoder, self._apart = encoder, apart

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """See ``Encoder.pictures``."""
        return self._apart.call(self._encoder.pictures, list(images))

    def words(self, text: str) -> Vectors:
        """See ``Encoder.words``."""
        return self._apart.call(self._encoder.words, text)
