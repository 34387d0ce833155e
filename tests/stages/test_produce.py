"""Producing: pictures become versions the moment they are done, and nothing finished is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.job import Status
from maquette.core.picture import decode_picture
from maquette.core.recipe import Recipe, Sampling
from maquette.core.trace import unpack_trace
from maquette.core.version import Version
from maquette.engines.base import Cancel, Engine, Event, Inputs, Picture, Progress
from maquette.engines.fake import FakeEngine, create
from maquette.errors import (
    Cancelled,
    EngineFailed,
    RecipeRefused,
    SettingRefused,
    StorageFull,
    VersionUnknown,
)
from maquette.storage.memory import MemoryBlobs

from .conftest import Bench


def test_a_version_states_everything(bench: Bench) -> None:
    recipe = bench.recipe(seed=7)
    (version,) = bench.make(recipe)
    assert version.recipe == recipe
    assert version.operation == "generate"
    assert version.build == bench.engine.build
    assert version.intact
    assert decode_picture(bench.blobs.get(version.image)).size == (64, 64)
    assert version.trace is not None
    words = [word.text for word in unpack_trace(bench.blobs.get(version.trace)).words]
    assert words == ["a", "wolf", "under", "a", "moon"]
    assert bench.records.log() == [version]


def test_versions_come_in_the_order_of_the_recipes(bench: Bench) -> None:
    recipes = [bench.recipe(seed=seed) for seed in (5, 3, 9)]
    assert [version.recipe for version in bench.make(*recipes)] == recipes


def test_every_job_ends_done_with_its_version(bench: Bench) -> None:
    versions = bench.make(bench.recipe(seed=1), bench.recipe(seed=2))
    done = bench.records.jobs(Status.DONE)
    assert {job.version for job in done} == {version.id for version in versions}
    assert bench.records.jobs(Status.RUNNING, Status.QUEUED, Status.FAILED) == []


def test_without_maps_no_trace_is_kept(bench: Bench) -> None:
    assert bench.make(bench.recipe(), maps=False)[0].trace is None


class Counting(FakeEngine):
    """The fake engine, counting what it draws."""

    drawn = 0

    def run(self, recipes: Sequence[Recipe], inputs: Inputs, **options: Any) -> Iterator[Event]:
        self.drawn += len(recipes)
        yield from super().run(recipes, inputs, **options)


def test_a_recipe_is_drawn_once(bench_of: Callable[[Engine], Bench]) -> None:
    engine = Counting(None, "", 0.0)
    bench = bench_of(engine)
    first = bench.make(bench.recipe(seed=1))[0]
    again, other = bench.make(bench.recipe(seed=1), bench.recipe(seed=2))
    assert engine.drawn == 2
    assert again.image == first.image
    assert again.id != first.id
    assert again.cost.seconds == 0
    assert bench.records.log()[0] in (again, other)
    assert bench.records.count() == 3


def test_a_picture_without_maps_is_drawn_again_when_maps_are_wanted(
    bench_of: Callable[[Engine], Bench],
) -> None:
    engine = Counting(None, "", 0.0)
    bench = bench_of(engine)
    bench.make(bench.recipe(), maps=False)
    assert bench.make(bench.recipe())[0].trace is not None
    assert engine.drawn == 2


def test_a_refused_recipe_leaves_no_job(bench: Bench) -> None:
    foreign = bench.recipe().change(engine="another")
    with pytest.raises(RecipeRefused):
        bench.make(bench.recipe(), foreign)
    assert bench.records.jobs() == []
    assert bench.records.count() == 0


def test_an_unforeseen_parent_is_refused(bench: Bench) -> None:
    with pytest.raises(VersionUnknown):
        bench.make(bench.recipe(), parents=("ab" * 32,))
    assert bench.records.count() == 0


def test_cancelling_keeps_what_was_finished(bench: Bench) -> None:
    cancel = Cancel()

    def after_two(event: Event) -> None:
        if isinstance(event, Picture) and event.index == 1:
            cancel.set()

    recipes = [bench.recipe(seed=seed) for seed in range(4)]
    with pytest.raises(Cancelled):
        bench.make(*recipes, cancel=cancel, on_event=after_two)
    assert bench.records.count() == 2
    assert len(bench.records.jobs(Status.CANCELLED)) == 2


def test_an_interrupt_keeps_what_was_finished(bench: Bench) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, Picture):
            raise KeyboardInterrupt

    with pytest.raises(Cancelled, match="1 of 3 finished and kept"):
        bench.make(*[bench.recipe(seed=seed) for seed in range(3)], on_event=interrupt)
    assert bench.records.count() == 1


def test_a_failing_picture_leaves_the_others(bench_of: Callable[[Engine], Bench]) -> None:
    bench = bench_of(create(fail="dragon"))
    with pytest.raises(EngineFailed):
        bench.make(bench.recipe("a wolf"), bench.recipe("a dragon"))
    (failed,) = bench.records.jobs(Status.FAILED)
    assert "dragon" in failed.message
    assert bench.records.count() == 1


class Forgetful(FakeEngine):
    """Ends without its last picture."""

    def run(self, recipes: Sequence[Recipe], inputs: Inputs, **options: Any) -> Iterator[Event]:
        yield from super().run(recipes[:-1], inputs, **options)


def test_an_engine_that_forgets_a_picture_is_found_out(
    bench_of: Callable[[Engine], Bench],
) -> None:
    bench = bench_of(Forgetful(None, "", 0.0))
    with pytest.raises(EngineFailed, match="1 of 2"):
        bench.make(bench.recipe(seed=1), bench.recipe(seed=2))
    assert bench.records.count() == 1


class Full(MemoryBlobs):
    """A disk with room for so many blobs."""

    room = 2

    def put(self, data: bytes) -> str:
        if not self.room:
            raise StorageFull("no space left")
        self.room -= 1
        return super().put(data)


def test_a_full_disk_loses_nothing_finished(bench: Bench) -> None:
    bench.blobs = Full()
    with pytest.raises(StorageFull):
        bench.make(bench.recipe(seed=1), bench.recipe(seed=2))
    (kept,) = bench.records.log()
    assert bench.blobs.get(kept.image)
    assert [job.message for job in bench.records.jobs(Status.FAILED)] == ["no space left"]


def test_progress_is_told_for_every_picture(bench: Bench) -> None:
    heard: list[Event] = []
    bench.make(bench.recipe(seed=1), bench.recipe(seed=2), on_event=heard.append)
    for index in (0, 1):
        steps = [e.step for e in heard if isinstance(e, Progress) and e.index == index]
        assert steps == sorted(steps)
        assert steps[-1] == 4


class Grumpy:
    """Finds one thing in every picture."""

    name = "grumpy"

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: object,
        notes: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        assert np.asarray(picture).any()
        return [Finding(critic="grumpy", name="meh", message="meh", severity="note", score=0.1)]


def test_critics_look_at_every_new_picture(bench: Bench) -> None:
    (version,) = bench.make(bench.recipe(), critics=[Grumpy()])
    assert [finding.name for finding in bench.records.findings(version.id)] == ["meh"]
    (again,) = bench.make(bench.recipe(), critics=[Grumpy()])
    assert [finding.name for finding in bench.records.findings(again.id)] == ["meh"]


def test_a_word_that_the_model_does_not_know_becomes_a_finding(
    bench_of: Callable[[Engine], Bench],
) -> None:
    bench = bench_of(create(vocabulary=["a", "wolf"]))
    (version,) = bench.make(bench.recipe("a wolf, griffin"))
    (finding,) = bench.records.findings(version.id)
    assert finding.words == ("griffin",)
    assert "griffin" in finding.message


def test_settings_out_of_the_engines_range_are_refused(bench: Bench) -> None:
    sampling = Sampling(steps=1000, seed=1)
    short = bench.engine.capabilities().max_steps
    if short >= 1000:
        sampling = Sampling(steps=1, seed=1)
        wrong = bench.recipe().change(sampling=sampling, size={"width": 63, "height": 64})
    else:
        wrong = bench.recipe().change(sampling=sampling)
    with pytest.raises(SettingRefused):
        bench.make(wrong)
