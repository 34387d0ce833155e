"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): the same request, once.

What came with a key and what it was answered lie in the project's database, so that a restart
forgets none; jobs are found by their key in the queue. Whoever asks twice at once waits for the
first answer. A server that is killed between making a version and keeping the answer makes one
more when it is asked again, which is never wrong in a graph that only grows.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Response
from pydantic import BaseModel

from maquette.errors import MaquetteError
from maquette.server.problems import HttpRefused
from maquette.storage.replies import Replies, Reply

__all__ = ["Keys"]

_LOCKS = 1_000

log = logging.getLogger("maquette.server")


class Keys:
    """The keys of one project."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()
        self._lock = threading.Lock()

    def checked(self, key: str | None, body: BaseModel) -> str:
        """The key to keep; empty without one.

        Raises:
            HttpRefused: it came before with another body.
            StorageFull, ProjectUnreadable.
        """
        if not key:
            return ""
        self._claim(key, body)
        return key

    def once(self, key: str | None, body: BaseModel, work: Callable[[], Response]) -> Response:
        """Do the work, or answer what it was answered with the same key before.

        Raises:
            HttpRefused: the key came before with another body.
            StorageFull, ProjectUnreadable.
        """
        if not key:
            return work()
        with self._turn(key):
            known = self._claim(key, body)
            if known.status:
                location = {"Location": known.location}
                return Response(known.body, known.status, location, "application/json")
            done = work()
            given = bytes(done.body).decode()
            reply = Reply(known.asked, done.status_code, done.headers["location"], given)
            try:
                self._replies.answer(key, reply)
            except MaquetteError as error:  # the work is done all the same: say so
                log.warning("an answer could not be kept with its key: %s", error)
            return done

    def _claim(self, key: str, body: BaseModel) -> Reply:
        asked = hashlib.sha256(
            f"{type(body).__name__}{body.model_dump_json()}".encode("utf-8", "replace")
        ).hexdigest()
        known = self._replies.claim(key, asked)
        if known.asked != asked:
            raise HttpRefused(
                422,
                "idempotency-key-reused",
                "this Idempotency-Key came before with another request",
                hint="make a new key for each thing that is asked for",
            )
        return known

    def _turn(self, key: str) -> threading.Lock:
        with self._lock:
            turn = self._locks.setdefault(key, threading.Lock())
            while len(self._locks) > _LOCKS:
                self._locks.popitem(last=False)
            return turn
