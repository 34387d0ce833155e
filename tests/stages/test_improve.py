"""The loop by itself: planted failures, one of each mode, on the fake engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette import Settings, Studio, Version
from maquette.core.finding import Finding, Suggestion
from maquette.core.geometry import Box
from maquette.core.recipe import Reference
from maquette.core.trace import Trace
from maquette.critics.base import Critic
from maquette.errors import SettingRefused
from maquette.stages.improve import improve, score_of
from maquette.stages.improve.policy import FAILURES, remedies


def finding(name: str, score: float = 0.8, severity: Any = "fault", **more: Any) -> Finding:
    word = name.partition(":")[2]
    words = (word,) if word else ()
    return Finding(
        critic="planted", name=name, message=name, severity=severity, score=score,
        **{"words": words, **more},
    )  # fmt: skip


class Planted:
    """A critic that finds one failure until a version is made by the right remedy."""

    name = "planted"

    def __init__(self, failure: Finding, healed: Callable[[Version], bool]) -> None:
        self.failure, self.healed = failure, healed

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,
        notes: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        return [] if self.healed(version) else [self.failure]


@pytest.fixture
def studio_with(tmp_path: Path) -> Callable[[Critic], Studio]:
    class Judged(Studio):
        seen: Critic

        def critics(self) -> list[Critic]:
            return [self.seen]

    def build(critic: Critic) -> Studio:
        settings = Settings(home=tmp_path / "home", engine="fake")
        studio = Judged(tmp_path / "project", create=True, settings=settings)
        studio.seen = critic
        return studio

    return build


def by(*operations: str) -> Callable[[Version], bool]:
    return lambda version: bool(version.parents) and version.operation in operations


MODES: dict[str, tuple[Finding, Callable[[Version], bool]]] = {
    "weak": (finding("weak:moon"), by("reweight")),
    "missing": (finding("missing:moon"), by("vary")),
    "count": (finding("count:moon"), by("generate")),
    "colour": (finding("colour:moon"), by("vary", "reweight")),
    "strong": (finding("strong:wolf"), by("reweight")),
    "blur": (finding("blur", severity="warning"), by("refine")),
    "blank": (finding("blank"), by("generate")),
    "dark": (finding("dark"), by("vary", "retouch")),
    "banding": (finding("banding"), by("vary")),
    "damage": (finding("damage", region=Box(x=16, y=16, width=64, height=48)), by("inpaint")),
}


@pytest.mark.parametrize("mode", MODES)
def test_each_failure_finds_its_remedy(mode: str, studio_with: Callable[[Critic], Studio]) -> None:
    failure, healed = MODES[mode]
    with studio_with(Planted(failure, healed)) as studio:
        (wolf,) = studio.generate("a wolf under a moon", seed=7, size=(128, 128), quality="draft")
        done = studio.improve(wolf)
        assert done.ended == "reached" and done.after == 1.0 > done.before
        assert healed(done.best) and len(done.steps) <= 6
        last = done.steps[-1]
        assert last.better and last.finding == failure.name
        because = [each for each in studio.findings(done.best) if each.name == "because"]
        assert last.remedy in because[0].message and because[0].severity == "note"


def test_a_seam_is_inpainted_wider_from_the_picture_before(
    studio_with: Callable[[Critic], Studio],
) -> None:
    def healed(version: Version) -> bool:
        task = version.recipe.task
        return task.kind != "inpaint" or task.feather >= 12

    with studio_with(Planted(finding("seam"), healed)) as studio:
        (wolf,) = studio.generate("a wolf", seed=7, size=(128, 128))
        edit = studio.inpaint(wolf, studio.mask(wolf, box=(30, 30, 50, 50)), "a cat", feather=3)
        done = studio.improve(edit)
        assert done.ended == "reached" and done.best.parents == (wolf.id,)


def test_never_worse_than_it_began(studio_with: Callable[[Critic], Studio]) -> None:
    def worse(version: Version) -> bool:
        return False

    class Worsening(Planted):
        def look(self, version: Version, *rest: Any, **more: Any) -> list[Finding]:
            return [finding("weak:moon", 0.9 if version.parents else 0.3)]

    with studio_with(Worsening(finding("weak:moon"), worse)) as studio:
        (wolf,) = studio.generate("a wolf under a moon", seed=7, size=(64, 64))
        done = studio.improve(wolf, steps=4)
        assert done.best == wolf and done.after == done.before
        assert len(done.steps) == 4 and not any(step.better for step in done.steps)
        assert done.ended == "budget"
        assert all(step.version.parents == (wolf.id,) for step in done.steps), "built on the best"


def test_it_stops_when_no_remedy_is_left(studio_with: Callable[[Critic], Studio]) -> None:
    odd = finding("haunted")
    with studio_with(Planted(odd, lambda _: False)) as studio:
        (wolf,) = studio.generate("a wolf", seed=7, size=(64, 64))
        done = studio.improve(wolf)
        assert done.ended == "exhausted" and done.steps == () and done.best == wolf


def test_a_remedy_that_cannot_be_carried_out_is_passed_over(
    studio_with: Callable[[Critic], Studio],
) -> None:
    lost = Suggestion(operation="inpaint", arguments={}, says="paint it")
    failure = finding("weak:moon", suggestion=lost)
    with studio_with(Planted(failure, by("reweight"))) as studio:
        (wolf,) = studio.generate("a wolf under a moon", seed=7, size=(64, 64))
        done = studio.improve(wolf)
        assert done.ended == "reached" and done.best.operation == "reweight"


def test_locked_words_are_not_weakened_by_a_remedy(
    studio_with: Callable[[Critic], Studio],
) -> None:
    with studio_with(Planted(finding("strong:wolf"), lambda _: False)) as studio:
        (wolf,) = studio.fill("a <lock:wolf> under a moon", seed=7, size=(64, 64), quality="draft")
        done = studio.improve(wolf)
        assert done.ended == "exhausted" and done.best.id == wolf.id
        for version in studio.log():
            assert studio.locked(version) == ("wolf",), version.operation


def test_a_good_picture_is_left_alone(studio_with: Callable[[Critic], Studio]) -> None:
    with studio_with(Planted(finding("weak:moon"), lambda _: True)) as studio:
        (wolf,) = studio.generate("a wolf", seed=7, size=(64, 64))
        done = studio.improve(wolf, until=0.9)
        assert done.ended == "reached" and done.steps == ()
        assert studio.records.count() == 1


def test_seconds_are_a_budget(studio_with: Callable[[Critic], Studio]) -> None:
    with studio_with(Planted(finding("weak:moon"), lambda _: False)) as studio:
        (wolf,) = studio.generate("a wolf under a moon", seed=7, size=(64, 64))
        done = studio.improve(wolf, seconds=1e-9)
        assert done.ended == "budget" and len(done.steps) <= 1


@pytest.mark.parametrize(
    "asked", [{"until": 1.5}, {"until": -1}, {"steps": 0}, {"seconds": 0}, {"steps": 1000}]
)
def test_numbers_out_of_range(
    asked: dict[str, Any], studio_with: Callable[[Critic], Studio]
) -> None:
    with studio_with(Planted(finding("blur"), lambda _: False)) as studio:
        (wolf,) = studio.generate("a wolf", seed=7, size=(64, 64))
        with pytest.raises(SettingRefused):
            studio.improve(wolf, **asked)
        assert studio.records.count() == 1


def test_no_seed_and_no_remedy_comes_twice(studio_with: Callable[[Critic], Studio]) -> None:
    with studio_with(Planted(finding("missing:moon"), lambda _: False)) as studio:
        (wolf,) = studio.generate("a wolf under a moon", seed=7, size=(64, 64))
        done = studio.improve(wolf, steps=20)
        assert done.ended == "exhausted"
        digests = [step.version.recipe.digest for step in done.steps]
        assert len(set(digests)) == len(digests) > 3


@pytest.mark.parametrize(
    ("strength", "tried"), [(0.1, [0.4, 1.0]), (1.5, [1.8, 2.0]), (1.9, [2.0]), (2.0, [])]
)
def test_references_count_for_more_as_far_as_pictures_hold(
    studio_with: Callable[[Critic], Studio], strength: float, tried: list[float]
) -> None:
    with studio_with(Planted(finding("blur"), lambda _: True)) as studio:
        (made,) = studio.generate("a mug", seed=1, size=(64, 64))
        told = Reference(role="object", image=made.image, strength=strength)
        version = made.model_copy(update={"recipe": made.recipe.change(conditionings=(told,))})
        found = [
            each.strength
            for remedy in remedies(version, finding("drift"), 0)
            if "references" in remedy.says
            for each in remedy.order(studio).recipes[0].conditionings
            if isinstance(each, Reference)
        ]
    assert found == tried


def test_a_face_is_drawn_again_as_the_persons(studio_with: Callable[[Critic], Studio]) -> None:
    with studio_with(Planted(finding("blur"), lambda _: True)) as studio:
        (made,) = studio.generate("a portrait", seed=1, size=(64, 64))
        told = [Reference(role=role, image=made.image) for role in ("style", "face")]
        version = made.model_copy(update={"recipe": made.recipe.change(conditionings=told)})
        box = Box(x=8, y=8, width=24, height=24)
        *_, last = remedies(version, finding("drift:face", words=(), region=box), 0)
        (recipe,) = last.order(studio).recipes
    assert recipe.task.kind == "inpaint" and recipe.conditionings == (told[1],)


def test_every_failure_mode_has_a_remedy(studio_with: Callable[[Critic], Studio]) -> None:
    with studio_with(Planted(finding("blur"), lambda _: True)) as studio:
        (wolf,) = studio.generate("a wolf under a moon", seed=7, size=(64, 64))
    edit_only = {"seam", "drift"}  # they need an edit, or references
    for mode in FAILURES.keys() - edit_only:
        failed = finding(f"{mode}:moon", region=Box(x=1, y=1, width=8, height=8))
        assert list(remedies(wolf, failed, 0)), mode


@pytest.mark.parametrize(
    ("amiss", "score"),
    [
        ([], 1.0),
        ([finding("a", 0.5, "note")], 1.0),
        ([finding("a", 0.5)], 0.5),
        ([finding("a", 0.5), finding("b", 0.5)], 0.25),
        ([finding("a", 1.0)], 0.0),
        ([finding("a", 0.5, "warning")], 0.65),
    ],
)
def test_scores(amiss: Sequence[Finding], score: float) -> None:
    assert score_of(amiss) == pytest.approx(score)


def test_planted_failures_by_the_critics_that_ship(tmp_path: Path) -> None:
    """A picture without detail, taken in from outside: seen, and drawn anew."""
    settings = Settings(home=tmp_path / "home", engine="fake")
    with Studio(tmp_path / "p", create=True, settings=settings) as studio:
        flat = tmp_path / "flat.png"
        Image.fromarray(np.full((128, 128, 3), 90, np.uint8)).save(flat)
        version, _ = studio.import_picture(flat, caption="a wolf under a moon")
        assert score_of(studio.findings(version)) == 0.0
        done = improve(version, studio, until=0.5)
        assert done.after > done.before and done.best.recipe.prompt is not None
