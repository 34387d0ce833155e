"""Refine and polish: the chosen drafts at full quality, then what is still amiss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from maquette.core.geometry import Size
from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.stages.improve import improve
from maquette.stages.order import Order
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import evaluations

__all__ = ["POLISH", "REFINE", "expected", "polish", "refine", "sides"]

REFINE, POLISH = "refine", "polish"


def expected(campaign: Campaign, count: int) -> float | None:
    """Seconds that so many finals will take."""
    clock, asked = campaign.clock(), campaign.brief.refine
    if clock is None:
        return None
    sampling = campaign.sampling(asked.quality, asked.steps, asked.guidance)
    return clock.seconds(evaluations(sampling, 1 - asked.begin)) * count


def refine(campaign: Campaign, chosen: Sequence[Version]) -> list[Version]:
    """The finished picture of each chosen draft, as its child."""
    asked = campaign.brief.refine
    wanted = [
        (
            place,
            campaign.hands.orders.refine(
                draft,
                quality=asked.quality,
                begin=asked.begin,
                steps=asked.steps,
                guidance=asked.guidance,
            ),
        )
        for place, draft in enumerate(chosen)
    ]
    return campaign.carry_out(REFINE, wanted)


def polish(campaign: Campaign, finals: Sequence[Version]) -> tuple[list[Version], list[Version]]:
    """The finals with their faults mended, in the brief's shape and size.

    Returns:
        (what goes out, every version that was made for it).
    """
    out: list[Version] = []
    made: list[Version] = []
    for place, final in enumerate(finals):
        best, tried = _mended(campaign, final)
        made += tried
        for nth, ask in enumerate(_asked(campaign)):
            order = ask(best)
            if order is None:
                continue
            (best,) = campaign.carry_out(POLISH, [(place * 10 + nth, order)])
            made.append(best)
        out.append(best)
    return out, made


def _mended(campaign: Campaign, final: Version) -> tuple[Version, list[Version]]:
    """The best version that the loop finds; what it found before is not sought again."""
    asked = campaign.brief.polish
    if asked.steps == 0:
        return final, []
    wish = [asked.until, asked.steps]
    for version, told in campaign.notes(POLISH):
        if version == final.id and told.get("wish") == wish:
            tried = [campaign.hands.version(each) for each in told["tried"]]
            return campaign.hands.version(told["best"]), tried
    done = improve(final, campaign.hands, until=asked.until, steps=asked.steps)
    told = {
        "wish": wish,
        "best": done.best.id,
        "tried": [step.version.id for step in done.steps],
        "before": done.before,
        "after": done.after,
    }
    campaign.note(final, POLISH, told)
    return done.best, [step.version for step in done.steps]


def _asked(campaign: Campaign):
    """What the brief asks for after mending, one step after the other."""
    asked, verbs = campaign.brief.polish, campaign.hands.orders

    def shape(version: Version) -> Order | None:
        added = sides(version.size, asked.aspect)
        seed = version.recipe.sampling.seed if version.recipe.sampling else 0
        return verbs.outpaint(version, seed=seed, **added) if any(added.values()) else None

    def light(version: Version) -> Order | None:
        if not asked.retouch:
            return None
        with _keys_of("retouch", "exposure, temperature, contrast, curves, …"):
            return verbs.retouch(version, **asked.retouch)

    def larger(version: Version) -> Order | None:
        return verbs.upscale(version, asked.upscale) if asked.upscale else None

    def marked(version: Version) -> Order | None:
        if not asked.logo:
            return None
        how = {key: value for key, value in asked.logo.items() if key not in {"file", "version"}}
        named = asked.logo.get("file")
        # A version is looked up here: what names one must never be read as a file's path.
        logo = (
            campaign.folder / str(named)
            if named is not None
            else campaign.hands.version(str(asked.logo["version"]))
        )
        with _keys_of("logo", "on, box, size, shading, …"):
            return verbs.logo(version, logo, **how)

    return (shape, light, larger, marked)


@contextmanager
def _keys_of(verb: str, some: str) -> Iterator[None]:
    """Say a key that a verb does not have as what it is: a fault of the brief.

    Raises:
        BriefRefused.
    """
    try:
        yield
    except TypeError as error:
        raise BriefRefused(
            f"polish.{verb}: {str(error).rpartition('.')[2]}",
            hint=f"its keys are those of 'maquette {verb}': {some}",
        ) from error


def sides(size: Size, aspect: str) -> dict[str, int]:
    """The pixels to add on each side so that a picture gets a shape; none are taken away."""
    if not aspect:
        return {}
    across, down = (int(part) for part in aspect.split(":"))
    width = max(size.width, round(size.height * across / down))
    height = max(size.height, round(size.width * down / across))
    wider, higher = width - size.width, height - size.height
    return {
        "left": wider // 2,
        "right": wider - wider // 2,
        "top": higher // 2,
        "bottom": higher - higher // 2,
    }
