"""Midjourney's flags as settings of a recipe, each with what became of it.

The correspondences are this house's judgement, not Midjourney's: it does not say what its flags do
inside. Each is one function below; ``TABLE`` tells of all of them and is printed in the handbook.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.flags.checking import number_of, ratio_of, wrong_value
from maquette.core.flags.multi import read_parts, write_parts
from maquette.core.flags.reading import Flag, Flagged
from maquette.core.flags.table import Spec
from maquette.core.geometry import Size

__all__ = ["TABLE", "Outcome", "Translation", "Wanted", "size_of_ratio", "translate"]

Role = Literal["style", "character", "object", "face"]

TABLE: Mapping[str, str] = {
    "a:: b::2": "parts joined by AND with their weights; a part below 0 joins the negative prompt",
    "--ar": "the size on the model's grid with that shape and at most its best size's area",
    "--no": "the negative prompt",
    "--seed": "the seed",
    "--draft": "quality draft",
    "--quality": "below 0.5 draft, below 1 preview, 1 final, above that as many times the steps",
    "--stylize": "guidance: 1.3 times the preset's at 0, as it is at 100, 0.6 times at 1000",
    "--chaos": "nothing to turn from words alone (every seed is a picture of its own); the"
    " strength of 'vary', 0.3 at 0 to 0.9 at 100",
    "--repeat": "how many pictures, with seeds that follow each other",
    "--sref, --sw": "a reference for the style; its strength is 1 at 100 and 2 at 1000",
    "--cref, --cw": "a reference for the character, at 0 for the face alone",
    "--oref, --ow": "a reference for the object; its strength is 1 at 100 and 2 at 1000",
    "--iw": "the strength of pictures before the words, which are references for the object",
    "--style raw, --raw": "as it is: no house style is added here",
    "--v, --niji": "which flags are there and what they take",
    "--tile": "nothing: no engine here draws patterns without seams",
    "--weird, --exp": "nothing: no setting of a diffusion model answers to it",
    "--stop": "nothing: a picture is drawn to its end",
    "--profile, --sv, style codes": "nothing: they are known to Midjourney alone",
    "--fast, --relax, --turbo, --stealth, --public": "nothing: they are about Midjourney's service",
}
"""What each flag becomes, in words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A flag as it was written, and what it became, or why it became nothing."""

    flag: str
    says: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reference that the flags ask for: an address or a version, and its strength, 0 to 2. Never
    a file: a prompt may come from anywhere."""

    role: Role
    source: str
    strength: float


@dataclass(frozen=True)
class Translation:
    """A prompt without flags, and what the flags ask for.

    ``settings`` has only what was asked for, among size (width and height), seed, quality,
    guidance, steps and n; ``vary_strength`` is what --chaos means to 'vary'.
    """

    prompt: str
    negative: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    references: tuple[Wanted, ...] = ()
    vary_strength: float | None = None
    done: tuple[Outcome, ...] = ()
    left: tuple[Outcome, ...] = ()


def translate(flagged: Flagged, capabilities: Capabilities) -> Translation:
    """What the flags of a prompt mean to an engine with these capabilities. Never raises: what
    cannot be used is in ``left`` with the reason."""
    work = _Work(flagged, capabilities)
    work.words()
    version, last = flagged.version, {flag.name: flag for flag in flagged.flags}
    for flag in flagged.flags:
        if flag.spec is None:
            work.leave(flag, "there is no such flag")
        elif last[flag.name] is not flag:
            work.leave(flag, "it is given again, and the last one counts")
        elif (wrong := wrong_value(flag, flag.spec, version)) and flag.spec.kind != "codes":
            work.leave(flag, wrong)
        else:
            _TURN[flag.name](work, flag, flag.spec)
    return Translation(
        work.prompt,
        ", ".join(work.negative),
        work.settings,
        tuple(work.references),
        work.vary_strength,
        tuple(work.done),
        tuple(work.left),
    )


def size_of_ratio(width: int, height: int, able: Capabilities) -> Size:
    """The size on the model's grid that comes nearest to a shape, with the area of its best size
    and never more than a twentieth above it; a wrong shape counts four times as much as area."""
    if able.sizes:
        return able.nearest(Size(width=width, height=height))
    ratio, best, step = width / height, able.best_size.area, able.multiple
    low, high = -(-able.min_side // step), able.max_side // step

    def strain(cells: tuple[int, int]) -> tuple[float, int]:
        wide, high = cells
        shape = abs(math.log(wide / high / ratio))
        return shape + 0.25 * abs(math.log(wide * high * step * step / best)), wide

    found = [
        (wide, tall)
        for wide in range(low, high + 1)
        for ideal in (wide / ratio, best / (wide * step * step))
        for tall in {math.floor(ideal), math.ceil(ideal)}
        if low <= tall <= high and wide * tall * step * step <= 1.05 * best
    ]
    if not found:
        return able.best_size
    wide, tall = min(found, key=strain)
    return Size(width=wide * step, height=tall * step)


_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_VERSION = re.compile(r"@(?:~\d{1,9})?|[0-9a-f]{4,64}")
_WEIGHT = re.compile(r"::(?:\d{1,4}(?:\.\d{1,4})?)?$")


class _Work:
    """What has been translated so far."""

    def __init__(self, flagged: Flagged, able: Capabilities) -> None:
        self.flagged, self.able = flagged, able
        self.prompt = flagged.prompt
        self.negative: list[str] = []
        self.settings: dict[str, Any] = {}
        self.references: list[Wanted] = []
        self.vary_strength: float | None = None
        self.done: list[Outcome] = []
        self.left: list[Outcome] = []

    def words(self) -> None:
        """Pictures before the words, and parts between ``::``."""
        strength = min(2.0, self.number("iw", 1.0))
        while found := _ADDRESS.match(self.prompt):
            self.references.append(Wanted("object", found[0], strength))
            self.done.append(Outcome(found[0], f"a reference for the object at {strength:g}"))
            self.prompt = self.prompt[found.end() :].lstrip()
        parts = read_parts(self.prompt)
        if len(parts) > 1 or ("::" in self.prompt and parts and parts[0].text != self.prompt):
            said, against = write_parts(parts)
            if said != self.prompt:
                self.done.append(Outcome("::", f"the prompt '{said}'"))
            if against and not self.able.negatives:
                self.left.append(Outcome("::", f"'{against}': this model has no negative prompt"))
            elif against:
                self.negative.append(against)
                self.done.append(Outcome("::", f"the negative prompt '{against}'"))
            self.prompt = said

    def number(self, name: str, default: float) -> float:
        """The number of a flag that can be used, else the default."""
        flag = self.flagged.last(name)
        if flag is None or flag.spec is None:
            return default
        if wrong_value(flag, flag.spec, self.flagged.version):
            return default
        found = number_of(flag.value)
        return default if found is None else found

    def keep(self, flag: Flag, says: str) -> None:
        self.done.append(Outcome(_written(flag), says))

    def leave(self, flag: Flag, why: str) -> None:
        self.left.append(Outcome(_written(flag), why))

    def preset(self) -> Preset | None:
        return self.able.presets.get(str(self.settings.get("quality", "final")))


def _written(flag: Flag) -> str:
    return f"--{flag.name} {flag.value}".rstrip()[:200]


def _ar(work: _Work, flag: Flag, _: Spec) -> None:
    shape = ratio_of(flag.value)
    assert shape is not None  # noqa: S101 - wrong_value has seen to it
    size = size_of_ratio(*shape, work.able)
    work.settings["size"] = (size.width, size.height)
    off = abs(size.width / size.height / (shape[0] / shape[1]) - 1)
    rest = f" (the nearest that this model draws: {size.width / size.height:.2f} to 1)"
    work.keep(flag, f"size {size}{rest if off > 0.02 else ''}")


def _no(work: _Work, flag: Flag, _: Spec) -> None:
    if not work.able.negatives:
        work.leave(flag, "this model has no negative prompt")
        return
    words = ", ".join(part.strip() for part in flag.value.split(",") if part.strip())
    work.negative.append(words)
    work.keep(flag, f"the negative prompt '{words}'")


def _seed(work: _Work, flag: Flag, _: Spec) -> None:
    if not work.able.seeds:
        work.leave(flag, "this model takes no seed")
        return
    work.settings["seed"] = int(work.number("seed", 0))
    work.keep(flag, f"seed {work.settings['seed']}")


def _draft(work: _Work, flag: Flag, _: Spec) -> None:
    work.settings["quality"] = "draft"
    work.keep(flag, "quality draft")


def _quality(work: _Work, flag: Flag, _: Spec) -> None:
    asked = work.number("quality", 1)
    if work.flagged.last("draft") is not None:
        work.leave(flag, "--draft decides the quality")
        return
    name = "draft" if asked < 0.5 else "preview" if asked < 1 else "final"
    work.settings["quality"] = name
    preset = work.able.presets.get(name)
    if asked > 1 and preset is not None:
        steps = min(work.able.max_steps, round(preset.steps * asked))
        work.settings["steps"] = steps
        work.keep(flag, f"quality final in {steps} steps")
    else:
        work.keep(flag, f"quality {name}")


def _stylize(work: _Work, flag: Flag, _: Spec) -> None:
    asked = work.number("stylize", 100)
    if work.flagged.last("draft") is not None:
        preset = work.able.presets.get("draft")
    else:
        preset = work.preset()
    if preset is None or preset.guidance <= 1:
        work.leave(flag, "this quality is drawn without guidance")
        return
    times = 1.3 - 0.3 * asked / 100 if asked <= 100 else 1 - 0.4 * (asked - 100) / 900
    guidance = round(max(1.0, preset.guidance * times), 2)
    work.settings["guidance"] = guidance
    work.keep(flag, f"guidance {guidance:g} (the preset's is {preset.guidance:g})")


def _chaos(work: _Work, flag: Flag, _: Spec) -> None:
    work.vary_strength = round(0.3 + 0.6 * work.number("chaos", 0) / 100, 2)
    work.leave(
        flag,
        "pictures from words differ by their seeds already;"
        f" 'vary' at a strength of {work.vary_strength:g} is its like for one picture",
    )


def _repeat(work: _Work, flag: Flag, _: Spec) -> None:
    work.settings["n"] = int(work.number("repeat", 1))
    work.keep(flag, f"{work.settings['n']} pictures, with seeds that follow each other")


def _pictures(role: Role, weight: str) -> Callable[[_Work, Flag, Spec], None]:
    def turn(work: _Work, flag: Flag, _: Spec) -> None:
        asked = work.number(weight, 100)
        if weight == "cw":
            kind: Role = "face" if asked == 0 else role
            strength = round(asked / 100, 2) or 1.0
        else:
            kind = role
            strength = round(asked / 100 if asked <= 100 else 1 + (asked - 100) / 900, 2)
        for source in flag.value.split():
            plain = _WEIGHT.sub("", source)
            if plain.isdigit() or plain.lower() == "random":
                work.leave(flag, f"the style code {plain[:40]} is known to Midjourney alone")
                continue
            if not (_ADDRESS.fullmatch(plain) or _VERSION.fullmatch(plain)):
                by_name = f"--reference {kind}={plain[:40]}"
                work.leave(flag, f"a prompt names no files; give it as {by_name}")
                continue
            work.references.append(Wanted(kind, plain, strength))
            work.keep(flag, f"a reference for the {kind} at {strength:g}: {plain}")

    return turn


def _weight_of(name: str) -> Callable[[_Work, Flag, Spec], None]:
    def turn(work: _Work, flag: Flag, _: Spec) -> None:
        if work.flagged.last(name) is None:
            work.leave(flag, f"it does nothing without --{name}")
        else:
            work.keep(flag, f"the strength of --{name}")

    return turn


def _iw(work: _Work, flag: Flag, _: Spec) -> None:
    if any(wanted.role == "object" for wanted in work.references):
        work.keep(flag, "the strength of the pictures before the words")
    else:
        work.leave(flag, "no picture stands before the words")


def _style(work: _Work, flag: Flag, _: Spec) -> None:
    if flag.value.lower() in ("raw", ""):
        work.keep(flag, "as it is: no house style is added here")
    else:
        work.leave(flag, f"the style {flag.value[:40]} is known to Midjourney alone")


def _version(work: _Work, flag: Flag, spec: Spec) -> None:
    wrong = wrong_value(flag, spec, work.flagged.version)
    if wrong:
        work.leave(flag, wrong)
    else:
        work.keep(flag, f"flags are read as those of version {work.flagged.version}")


def _nothing(why: str) -> Callable[[_Work, Flag, Spec], None]:
    def turn(work: _Work, flag: Flag, _: Spec) -> None:
        work.leave(flag, why)

    return turn


_UNANSWERED = _nothing("no setting of a diffusion model answers to it")
_SERVICE = _nothing("it is about Midjourney's service")
_ITS_OWN = _nothing("it is known to Midjourney alone")

_TURN: Mapping[str, Callable[[_Work, Flag, Spec], None]] = {
    "ar": _ar,
    "no": _no,
    "seed": _seed,
    "draft": _draft,
    "quality": _quality,
    "stylize": _stylize,
    "chaos": _chaos,
    "repeat": _repeat,
    "sref": _pictures("style", "sw"),
    "cref": _pictures("character", "cw"),
    "oref": _pictures("object", "ow"),
    "sw": _weight_of("sref"),
    "cw": _weight_of("cref"),
    "ow": _weight_of("oref"),
    "iw": _iw,
    "style": _style,
    "raw": _style,
    "v": _version,
    "niji": _version,
    "weird": _UNANSWERED,
    "exp": _UNANSWERED,
    "tile": _nothing("no engine here draws patterns without seams"),
    "stop": _nothing("a picture is drawn to its end"),
    "sv": _ITS_OWN,
    "profile": _ITS_OWN,
    "fast": _SERVICE,
    "relax": _SERVICE,
    "turbo": _SERVICE,
    "stealth": _SERVICE,
    "public": _SERVICE,
}
