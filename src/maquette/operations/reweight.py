"""Reweight: the same picture with some words weighing more or less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maquette.core.grammar import reweigh
from maquette.core.recipe import Anchored, Continue, Import, Recipe, Upscale
from maquette.core.trajectory import Kept
from maquette.core.version import SHORT, Version
from maquette.errors import RecipeRefused, SettingRefused
from maquette.operations import settings
from maquette.operations.refine import going_on

__all__ = ["EARLY", "reweight"]

EARLY = 0.1
"""After which share of its steps a drawing is taken up with other weights: late enough for things
to stay where they are, early enough for them to grow."""


def reweight(
    version: Version,
    weights: Mapping[str, float],
    *,
    kept: Sequence[Kept] = (),
    begin: float = EARLY,
    anchored: bool = False,
) -> Recipe:
    """The version's recipe with other weights: seed and every setting stay.

    With what the version ``kept`` of its drawing, it goes on from after about the share ``begin``
    (0 to 1) of its steps, so that things stay where they are: the words weigh otherwise from then
    on only, and where an engine can have them ``anchored``, what they gain in their places only.
    An anchored version is reweighted from the drawing that it went on from itself, whose latents
    ``kept`` are: a slider may be moved as often as one likes, and nothing wanders. With ``begin``
    0, or nothing kept, the task stays as well.

    Keys are words or phrases of the prompt (``moon``, ``full moon``, ``moon#2``); a weight is 0
    to 10, 1 neutral.

    Raises:
        WordUnknown: the prompt does not hold a word; the message lists those that it holds.
        SettingRefused: no weights, or a number out of its range.
        RecipeRefused: the version was not drawn from words, or its prompt has no weights.
    """
    recipe = version.recipe
    if recipe.prompt is None or isinstance(recipe.task, Upscale | Import):
        source = version.parents[0] if version.parents else None
        raise RecipeRefused(
            f"version {version.short} was not drawn from words but made by '{version.operation}'",
            hint=f"reweight the version it came from: {source[:SHORT]}"
            if source
            else "vary it with a prompt, then reweight that",
        )
    if recipe.prompt.interpreter == "plain":
        raise RecipeRefused(
            f"the prompt of version {version.short} is read plainly, without weights",
            hint="generate it again with the interpreter 'attention'",
        )
    if not weights:
        raise SettingRefused("no word to reweight", hint="give a word and its weight: moon=1.4")
    text = reweigh(recipe.prompt.text, weights)
    negative, interpreter = recipe.prompt.negative, recipe.prompt.interpreter
    begin = settings.bounded("begin", begin, 0.0, 1.0)
    task = recipe.task
    if kept and begin > 0:
        found = going_on(version, kept, begin)
        trace = task.trace if isinstance(task, Anchored) else found.trace
        anchored = anchored and interpreter == "attention"
        task = (Anchored if anchored else Continue)(trace=trace, step=found.step)
    return recipe.change(task=task, prompt=settings.prompt_text(text, negative, interpreter))
