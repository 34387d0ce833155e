"""How values are worded for people: safe text, ages, sizes."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

__all__ = ["age", "amount", "bytes_in_words", "one_line", "safe", "shorten"]

_UNSAFE = re.compile(
    # Control characters could steer the terminal, bidirectional ones reorder what is read.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def safe(text: str) -> str:
    """Text from anywhere (prompts, file names, metadata) that cannot steer a terminal."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """Safe text with every run of white space as one blank, cut where nobody reads on."""
    return shorten(safe(" ".join(text.split())), 600)


def shorten(text: str, width: int) -> str:
    """At most ``width`` characters; an ellipsis shows that something is missing."""
    text = unicodedata.normalize("NFC", text)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def amount(number: int, noun: str) -> str:
    """``1 picture``, ``3 pictures``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits: ``now``, ``5 min``, ``3 h``, ``2 d``."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def bytes_in_words(count: float) -> str:
    """``812 B``, ``3.4 kB``, ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return ""
