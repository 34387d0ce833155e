"""What can be put on a model beside its own weights, as told from its files."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Adapter", "AdapterKind"]

AdapterKind = Literal["lora", "embedding", "control", "t2i-adapter", "ip-adapter"]


class Adapter(BaseModel):
    """An adapter that is at hand.

    ``path`` is its file or folder. ``conditions`` are what a control network reads, ``roles`` what
    a reference adapter is for. ``misfit`` says why it does not go with the model, "" if it does
    (or if that shows only when it is loaded). ``trigger`` are words that it answers to.
    ``figures``: the poses that it reads are those of ``core.figure``. ``numbers``: how many a
    recogniser must tell a face by, for an adapter that reads those in place of a picture; else 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: AdapterKind
    name: str
    path: str
    conditions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    licence: str = ""
    trigger: str = ""
    misfit: str = ""
    figures: bool = False
    numbers: int = 0
