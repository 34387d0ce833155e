"""What services answer: whole and bounded, or event by event."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from maquette.errors import MaquetteError, ServiceFailed

__all__ = ["Answer", "Event", "Explain", "retry_after"]


@dataclass(frozen=True)
class Answer:
    """What a service answered, whole and bounded."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ServiceFailed: it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "nothing")
            raise ServiceFailed(f"the service answered with {kind} instead of JSON") from error

    def said(self, *path: str) -> str:
        """A text inside the JSON body, or an empty one."""
        try:
            found: Any = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, str) else ""


@dataclass(frozen=True)
class Event:
    """A server-sent event."""

    name: str
    data: str = field(repr=False)

    def json(self) -> Any:
        """Its data as JSON; raises ServiceFailed."""
        return Answer(200, {}, self.data.encode()).json()


Explain = Callable[[Answer], MaquetteError | None]
"""A service's own way to say what went wrong; None leaves it to the status."""


def retry_after(answer: Answer) -> float | None:
    """RFC 9110, 10.2.3: seconds or a date; milliseconds where a service says those too."""
    if said := answer.headers.get("retry-after-ms"):
        try:
            return max(0.0, float(said) / 1000)
        except ValueError:
            pass
    said = answer.headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
