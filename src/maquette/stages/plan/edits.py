"""What a brief does to its finals after mending: its own list of verbs, one after the other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import product
from typing import Any

from maquette.core.geometry import Size
from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.operations import Placed
from maquette.operations.masks import make_mask
from maquette.stages.order import Order
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.naming import shown, with_values
from maquette.stages.plan.parts import EDITS

__all__ = ["Edit", "check_edits", "edits_of", "sides"]

Edit = Callable[[Version], Order | None]
"""What is made of a version next; None where there is nothing to do."""

_NAMES = ("file", "version")
_MASKS = ("box", "polygon", "token", "grow", "feather", "invert")


def edits_of(campaign: Campaign, values: Mapping[str, str]) -> list[Edit]:
    """The edits of a brief in turn, for a final whose draft came from a row with these values."""
    asked, verbs = campaign.brief.polish, campaign.hands.orders

    def shape(version: Version) -> Order | None:
        added = sides(version.size, asked.aspect)
        if not any(added.values()):
            return None
        return verbs.outpaint(version, seed=_seed(version), **added)

    def larger(version: Version) -> Order | None:
        return verbs.upscale(version, asked.upscale) if asked.upscale else None

    def by(verb: str, how: Mapping[str, Any], where: str) -> Edit:
        return _Ask(campaign, verb, how, where, values).order if how else _nothing

    light = by("retouch", asked.retouch, "polish.retouch")
    marked = by("logo", asked.logo, "polish.logo")
    return [shape, light, larger, marked, *(by(*each) for each in _listed(campaign))]


def check_edits(campaign: Campaign) -> None:
    """See that every edit can be read with every row's values, before anything is drawn.

    Raises:
        BriefRefused: a key that the verb does not have, a value or a file that is not there.
        VersionUnknown, AmbiguousVersion.
    """
    template = campaign.brief.template
    rows = template.rows if template is not None else ()
    polish = campaign.brief.polish
    short = [("retouch", polish.retouch, "polish.retouch"), ("logo", polish.logo, "polish.logo")]
    shared = template.values if template is not None else {}
    for verb, how, where in [each for each in short if each[1]] + _listed(campaign):
        for row, more in product(rows or ({},), polish.each or ({},)):
            values = {**shared, **row, **more}
            _Ask(campaign, verb, how, where, values).check()


def _listed(campaign: Campaign) -> list[tuple[str, dict[str, Any], str]]:
    """(verb, its arguments, its place in the brief) of the list of edits."""
    return [
        (verb, dict(how), f"polish.edits.{number}.{verb}")
        for number, edit in enumerate(campaign.brief.polish.edits, start=1)
        for verb, how in edit.items()
    ]


def _nothing(_version: Version) -> None:
    return None


@dataclass(frozen=True)
class _Ask:
    """One verb with its arguments as the brief says them, and the values of a row."""

    campaign: Campaign
    verb: str
    how: Mapping[str, Any]
    where: str
    values: Mapping[str, str]

    def check(self) -> None:
        """Whether its keys are the verb's and its pictures there."""
        given = with_values(self.how, self.values, self.where)
        known = set(inspect.signature(getattr(self.campaign.hands.orders, self.verb)).parameters)
        if self.verb == "inpaint":
            known |= set(_MASKS)
        self._known(given, (known | set(_NAMES)) if self.verb == "logo" else known)
        layers = given.get("layers", []) if self.verb == "composite" else []
        for layer in layers:
            if not isinstance(layer, Mapping):
                raise BriefRefused(f"{self.where}: a layer is a picture and its place")
            self._known(layer, {*_NAMES, *(field.name for field in fields(Placed))})
        for each in (given, *layers):
            if self.verb in {"logo", "composite"} and (each is not given or self.verb == "logo"):
                self._picture(dict(each))
            self._pictures(each)

    def order(self, version: Version) -> Order:
        """What it makes of a version.

        Raises:
            BriefRefused: as ``check``; and what the verb raises.
        """
        verbs = self.campaign.hands.orders
        given: dict[str, Any] = with_values(self.how, self.values, self.where)
        try:
            match self.verb:
                case "logo":
                    logo = self._picture(given)
                    return verbs.logo(version, logo, **self._pictures(given))
                case "composite":
                    layers = [dict(layer) for layer in given.pop("layers", ())]
                    laid = [
                        {"picture": self._picture(layer), **self._pictures(layer)}
                        for layer in layers
                    ]
                    return verbs.composite(version, laid, **given)
                case "inpaint":
                    mask = self._mask(version, given)
                    return verbs.inpaint(
                        version, mask, **{"seed": _seed(version), **self._pictures(given)}
                    )
                case "outpaint":
                    return verbs.outpaint(
                        version, **{"seed": _seed(version), **self._pictures(given)}
                    )
                case verb:
                    return getattr(verbs, verb)(version, **self._pictures(given))
        except TypeError as error:
            raise self._refused(str(error).rpartition(".")[2]) from error

    def _known(self, given: Mapping[str, Any], known: set[str]) -> None:
        for key in given:
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                raise self._refused(
                    f"there is no '{key}'", f"did you mean '{near[0]}'?" if near else ""
                )

    def _refused(self, says: str, hint: str = "") -> BriefRefused:
        keys = f"its keys are those of 'maquette {self.verb}': {EDITS[self.verb]}, …"
        return BriefRefused(f"{self.where}: {says}", hint=hint or keys)

    def _picture(self, given: dict[str, Any]) -> Any:
        """The picture that a mapping names; its keys are taken out of it."""
        named = {key: given.pop(key) for key in _NAMES if key in given}
        if not named and isinstance(given.get("picture"), Mapping):
            named = dict(given.pop("picture"))
        return self._shown(named, self.where)

    def _pictures(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same arguments, with pictures instead of their names."""
        return {
            key: self._shown(value, f"{self.where}.{key}")
            if isinstance(value, Mapping) and set(value) & set(_NAMES)
            else value
            for key, value in given.items()
        }

    def _shown(self, named: Mapping[str, Any], where: str) -> Any:
        return shown(named, self.campaign.hands, self.campaign.folder, where)

    def _mask(self, version: Version, given: dict[str, Any]) -> Any:
        """A mask from a file, or made of a box, a polygon or what a word drew."""
        named = given.pop("mask", None)
        if named is not None:
            return self._shown(named, f"{self.where}.mask")
        asked = {key: given.pop(key) for key in _MASKS if key in given}
        if not asked:
            raise self._refused("it says nothing of where", "give box, token or mask")
        if "box" in asked:
            asked["box"] = tuple(asked["box"])
        return make_mask(version.size, trace=self.campaign.hands.trace(version), **asked)


def _seed(version: Version) -> int:
    return version.recipe.sampling.seed if version.recipe.sampling else 0


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
