"""Names of samplers, both ways between this house, A1111, ComfyUI and InvokeAI."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["A1111_NAMES", "Reading", "read_a1111", "read_comfyui"]

A1111_NAMES = {
    "ddim": "DDIM",
    "dpm++": "DPM++ 2M",
    "euler": "Euler",
    "euler-a": "Euler a",
    "lcm": "LCM",
}
"""This house's samplers as A1111 calls them."""

_FROM_A1111 = {name.lower(): ours for ours, name in A1111_NAMES.items()}
_FROM_COMFYUI = {
    "ddim": "ddim",
    "dpmpp_2m": "dpm++",
    "euler": "euler",
    "euler_ancestral": "euler-a",
    "lcm": "lcm",
    # InvokeAI's spellings of the same
    "euler_a": "euler-a",
}
_SCHEDULES = ("karras", "exponential", "polyexponential", "sgm uniform", "align your steps")
_USUAL_SCHEDULES = {"", "automatic", "uniform", "normal", "ddim_uniform", "simple"}


class Reading(NamedTuple):
    """One of this house's samplers ('' for none) and what the name said beyond it."""

    sampler: str
    unread: tuple[str, ...]


def read_a1111(name: str, schedule: str = "") -> Reading:
    """A1111's sampler name, with the schedule at its end as older files have it."""
    plain = name.strip()
    for candidate in _SCHEDULES:
        if plain.lower().endswith(f" {candidate}"):
            plain, schedule = plain[: -len(candidate) - 1], schedule or plain[-len(candidate) :]
    return _reading(name.strip(), schedule, _FROM_A1111.get(plain.lower()))


def read_comfyui(name: str, schedule: str = "") -> Reading:
    """ComfyUI's sampler and scheduler names (InvokeAI's have the schedule as ``_k``)."""
    plain = name.strip().lower()
    known = _FROM_COMFYUI.get(plain)
    if known is None and plain.endswith("_k"):
        known, schedule = _FROM_COMFYUI.get(plain[:-2]), schedule or "karras"
    return _reading(name.strip(), schedule, known)


def _reading(name: str, schedule: str, known: str | None) -> Reading:
    unread = [] if schedule.strip().lower() in _USUAL_SCHEDULES else [f"schedule {schedule}"]
    if known is not None:
        return Reading(known, tuple(unread))
    if name.lower().startswith(("dpm++", "dpmpp")):
        return Reading("dpm++", (f"sampler {name} → nearest dpm++", *unread))
    return Reading("", (f"sampler {name}", *unread) if name else tuple(unread))
