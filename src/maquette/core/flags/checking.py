"""What is doubtful about flags: unknown names, values out of range, flags of another version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from maquette.core.flags.reading import Flag, Flagged
from maquette.core.flags.table import FLAGS, NEWEST, NIJI, VERSIONS, Spec, values_in
from maquette.core.grammar import Problem

__all__ = ["MAX_FLAG_PROBLEMS", "flag_problems", "number_of", "ratio_of", "wrong_value"]

MAX_FLAG_PROBLEMS = 100

_RATIO = re.compile(r"(\d{1,5})[:x/](\d{1,5})")
_NUMBER = re.compile(r"[-+]?(?:\d{1,12}(?:\.\d{0,6})?|\.\d{1,6})")


def ratio_of(value: str) -> tuple[int, int] | None:
    """``3:2`` as its two numbers; None for anything else."""
    found = _RATIO.fullmatch(value)
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]), int(found[2])


def number_of(value: str) -> float | None:
    """A plain decimal number; None for anything else."""
    return float(value) if _NUMBER.fullmatch(value) else None


def flag_problems(flagged: Flagged) -> tuple[Problem, ...]:
    """The doubtful places of flags, in order. An "error" is a flag that counts for nothing."""
    found: list[Problem] = []
    last = {flag.name: flag for flag in flagged.flags}
    version = flagged.version
    for flag in flagged.flags:
        if len(found) >= MAX_FLAG_PROBLEMS:
            break
        if flag.spec is None:
            near = get_close_matches(flag.name[:40], FLAGS, n=1)
            hint = f"; --{near[0]} is one" if near else ""
            found.append(Problem(flag.span, f"--{flag.name[:40]} is no flag{hint}", "error"))
        elif last[flag.name] is not flag:
            found.append(Problem(flag.span, f"--{flag.name} is given again; the last one counts"))
        else:
            found.extend(_doubts(flag, flag.spec, version, last))
    return tuple(sorted(found)[:MAX_FLAG_PROBLEMS])


def _doubts(flag: Flag, spec: Spec, version: str, given: dict[str, Flag]) -> Iterator[Problem]:
    values = values_in(spec, version)
    if values is None:
        instead = f"; use {spec.instead}" if spec.instead else ""
        since, until = spec.values[0].since, spec.values[-1].until
        reach = f"version {since}" if since == until else f"versions {since} to {until}"
        says = f"--{spec.name} belongs to {reach}, not to version {version}{instead}"
        yield Problem(flag.span, says)
    elif (wrong := wrong_value(flag, spec, version)) is not None:
        yield Problem(flag.span, wrong, "warning" if spec.kind == "codes" else "error")
    if spec.needs and spec.needs not in given:
        yield Problem(flag.span, f"--{spec.name} does nothing without --{spec.needs}")


def wrong_value(flag: Flag, spec: Spec, version: str) -> str | None:
    """Why a flag's value cannot be used; None when it can."""
    value, name = flag.value, f"--{spec.name}"
    values = values_in(spec, version) or spec.values[-1]
    if spec.kind == "switch":
        return f"{name} takes no value; put words before the flags" if value else None
    if not value and spec.kind != "codes":
        return f"{name} needs a value: {_takes(spec, version)}"
    match spec.kind:
        case "ratio" if ratio_of(value) is None:
            return f"{name} takes whole numbers such as 3:2, not {value[:40]!r}"
        case "one-of" if _plain(value) not in values.choices:
            return f"{name} takes {_takes(spec, version)}, not {value[:40]!r}"
        case "number" | "whole":
            number = number_of(value)
            if number is None or (spec.kind == "whole" and number != int(number)):
                return f"{name} takes {_takes(spec, version)}, not {value[:40]!r}"
            if not values.low <= number <= values.high:
                return f"{name} takes {_takes(spec, version)}, not {value[:40]}"
        case "codes" if spec.name in ("v", "niji"):
            return _unknown_version(spec.name, value)
        case _:
            pass
    return None


def _unknown_version(name: str, value: str) -> str | None:
    known = NIJI if name == "niji" else VERSIONS
    said = value.removesuffix(".0")
    if said in known or (name == "niji" and not said):
        return None
    return f"--{name} {value[:40]} is not known here; flags are read as those of {NEWEST}"


def _takes(spec: Spec, version: str) -> str:
    values = values_in(spec, version) or spec.values[-1]
    match spec.kind:
        case "ratio":
            return "whole numbers such as 3:2"
        case "one-of":
            return ", ".join(values.choices)
        case "words":
            return "words"
        case "pictures":
            return "the address of a picture"
        case "whole":
            return f"a whole number from {values.low:g} to {values.high:.0f}"
        case _:
            return f"a number from {values.low:g} to {values.high:g}"


def _plain(value: str) -> str:
    number = number_of(value)
    return value.lower() if number is None else f"{number:g}"
