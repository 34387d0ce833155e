"""Reading flags from the end of a prompt, and writing them back.

Any text can be read, in one pass. Flags stand behind the words: everything from the first
``--name`` on is flags and their values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import dropwhile

from maquette.core.flags.table import NEWEST, NIJI, VERSIONS, Spec, spec_of

__all__ = ["Flag", "Flagged", "read_flags", "without_flags", "write_flags"]

Span = tuple[int, int]

# Many keyboards turn two hyphens into a dash; Midjourney reads that as well.
_START = re.compile(r"(?<!\S)(?P<dash>--|\u2014)(?P<name>[A-Za-z]\S*+)")


@dataclass(frozen=True, slots=True)
class Flag:
    """``--name value``. ``spec`` is None for a flag that Midjourney does not have. The value is
    what is written behind it, without white space at its ends."""

    name: str
    value: str
    spec: Spec | None = field(compare=False)
    span: Span = field(default=(0, 0), compare=False)
    value_span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Flagged:
    """A prompt and its flags. Compares by meaning: aliases and places take no part."""

    prompt: str
    flags: tuple[Flag, ...]
    source: str = field(default="", compare=False, repr=False)

    @property
    def any_known(self) -> bool:
        """Whether one of the flags is Midjourney's."""
        return any(flag.spec is not None for flag in self.flags)

    def last(self, name: str) -> Flag | None:
        """The flag of this name that counts: the last one."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)

    @property
    def version(self) -> str:
        """The version of Midjourney, among ``VERSIONS``, that the flags are meant for."""
        for flag in reversed(self.flags):
            if flag.name in ("v", "niji"):
                return _version(flag.name, flag.value)
        return NEWEST


def read_flags(text: str) -> Flagged:
    """Part a text into its words and its flags. Never raises; takes time in proportion to the
    text's length. ``write_flags`` writes what reads the same."""
    # 'he said —no way' holds no flag: behind a dash alone the flags do not begin with words.
    found = [*dropwhile(_is_speech, _START.finditer(text))]
    if not found:
        return Flagged(text.strip(), (), text)
    ends = [match.start() for match in found[1:]] + [len(text)]
    flags = tuple(_flag(text, match, end) for match, end in zip(found, ends, strict=True))
    return Flagged(text[: found[0].start()].strip(), flags, text)


def without_flags(text: str) -> tuple[str, str]:
    """A text in two: its words, and its flags with the white space before them. A text without a
    flag of Midjourney's is words alone."""
    read = read_flags(text)
    if not read.any_known:
        return text, ""
    words = text[: read.flags[0].span[0]].rstrip()
    return words, text[len(words) :]


def write_flags(flagged: Flagged) -> str:
    """The text of a prompt and its flags, every flag by its first name."""
    said = [f"--{flag.name} {flag.value}".rstrip() for flag in flagged.flags]
    return " ".join([flagged.prompt, *said] if flagged.prompt else said)


def _is_speech(match: re.Match[str]) -> bool:
    spec = spec_of(match["name"])
    return match["dash"] != "--" and (spec is None or spec.kind == "words")


def _flag(text: str, match: re.Match[str], end: int) -> Flag:
    raw = text[match.end() : end]
    value = raw.strip()
    start = match.end() + len(raw) - len(raw.lstrip()) if value else match.end()
    place = start, start + len(value)
    spec = spec_of(match["name"])
    name = spec.name if spec is not None else match["name"].lower()
    return Flag(name, value, spec, (match.start(), max(match.end(), place[1])), place)


def _version(name: str, value: str) -> str:
    said = value.split(maxsplit=1)[0] if value else ""
    said = said[:-2] if said.endswith(".0") else said
    if name == "niji":
        return NIJI.get(said, NEWEST)
    return said if said in VERSIONS else NEWEST
