"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the same request, once.

Jobs keep theirs in the project's database, so that a restart forgets none. What is answered at
once is remembered in memory: such an answer is a version that is there, and asking again after a
restart makes one more, which is never wrong in a graph that only grows.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Response
from pydantic import BaseModel

from maquette.server.problems import HttpRefused

__all__ = ["Keys"]

_KEPT = 1_000


class Keys:
    """The keys of one project."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, str] = OrderedDict()
        self._answers: OrderedDict[str, tuple[bytes, int, str]] = OrderedDict()
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()
        self._lock = threading.Lock()

    def checked(self, key: str | None, body: BaseModel) -> str:
        """The key to keep; empty without one.

        Raises:
            HttpRefused: it came before with another body.
        """
        if not key:
            return ""
        print_ = hashlib.sha256(
            f"{type(body).__name__}{body.model_dump_json()}".encode("utf-8", "replace")
        ).hexdigest()
        with self._lock:
            known = self._bodies.setdefault(key, print_)
            while len(self._bodies) > _KEPT:
                self._bodies.popitem(last=False)
        if known != print_:
            raise HttpRefused(
                422,
                "idempotency-key-reused",
                "this Idempotency-Key came before with another request",
                hint="make a new key for each thing that is asked for",
            )
        return key

    def once(self, key: str | None, body: BaseModel, work: Callable[[], Response]) -> Response:
        """Do the work, or answer what it was answered with the same key before."""
        if not self.checked(key, body) or key is None:
            return work()
        with self._lock:
            turn = self._locks.setdefault(key, threading.Lock())
            while len(self._locks) > _KEPT:
                self._locks.popitem(last=False)
        with turn:
            if key in self._answers:
                data, status, location = self._answers[key]
                return Response(data, status, {"Location": location}, "application/json")
            done = work()
            self._answers[key] = (bytes(done.body), done.status_code, done.headers["location"])
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
            return done
