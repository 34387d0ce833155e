"""Orders that wait: what is answered at once, what a worker gets to see."""

from __future__ import annotations

import inspect

import pytest
from PIL import Image

from maquette import Studio, Version
from maquette.core.job import BATCH, Status
from maquette.core.picture import encode_png
from maquette.engines.base import Cancel
from maquette.errors import JobUnknown, RecipeRefused, SettingRefused, TraceMissing
from maquette.stages.order import Order
from maquette.stages.work import Workplace, work
from maquette.studio.orders import Orders


def carry_out_everything(studio: Studio) -> None:
    """What a worker does."""
    place = Workplace(
        studio.blobs, studio.records, studio.queue, lambda job: studio.engine(), studio.critics
    )
    while jobs := studio.queue.claim("worker", 15, 2):
        work(jobs, place, cancel=Cancel())


VERBS = ("generate", "vary", "reweight", "inpaint", "outpaint", "upscale", "apply")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_and_its_order_have_one_list_of_arguments(verb: str) -> None:
    now, later = getattr(Studio, verb), getattr(Orders, verb)
    asked, ordered = inspect.signature(now), inspect.signature(later)
    assert asked.parameters == ordered.parameters
    assert now.__doc__ == later.__doc__
    assert ordered.return_annotation == "Order"
    assert asked.return_annotation in {"Version", "list[Version]"}


def test_an_order_draws_nothing(studio: Studio) -> None:
    order = studio.orders.generate("a wolf", n=3, seed=5, maps=False)
    assert isinstance(order, Order)
    assert (order.operation, len(order.recipes), order.maps) == ("generate", 3, False)
    assert studio.log() == studio.jobs() == []


def test_a_submitted_order_waits_and_is_carried_out(studio: Studio, wolf: Version) -> None:
    mask = encode_png(studio.mask(wolf, box=(40, 60, 90, 50)))
    orders = [
        studio.orders.generate("a boat", n=2, seed=1, quality="draft"),
        studio.orders.reweight(wolf, {"moon": 1.5}),
        studio.orders.inpaint(wolf, mask, "stars", seed=2),
        studio.orders.upscale(wolf, 2),
    ]
    jobs = [job for order in orders for job in studio.submit(order)]
    assert {job.status for job in jobs} == {Status.QUEUED}
    assert [job.place for job in jobs] == [0, 1, 0, 0, 0]
    assert len({job.group for job in jobs}) == 4
    assert studio.log() == [wolf]
    place = Workplace(
        studio.blobs,
        studio.records,
        studio.queue,
        lambda job: studio.engine_of(job.recipe),
        studio.critics,
    )
    while taken := studio.queue.claim("worker", 15):
        work(taken, place, cancel=Cancel())
    assert [studio.job(job.id).status for job in jobs] == [Status.DONE] * 5
    by_operation = {version.operation: version for version in studio.log()}
    assert by_operation.keys() == {"generate", "reweight", "inpaint", "upscale"}
    assert by_operation["inpaint"].parents == (wolf.id,)


def test_what_is_known_is_answered_at_once(studio: Studio, wolf: Version) -> None:
    known = studio.orders.generate("a lone wolf under a full moon, misty forest", seed=7, n=2)
    first, second = studio.submit(known)
    assert (first.status, second.status) == (Status.DONE, Status.QUEUED)
    assert studio.version(first.version or "").image == wolf.image
    assert studio.version("@").id == first.version


def test_the_same_key_orders_once(studio: Studio, wolf: Version) -> None:
    again = studio.orders.generate("a lone wolf under a full moon, misty forest", seed=7)
    first = studio.submit(again, key="k")
    second = studio.submit(again, key="k")
    assert second == first
    assert len(studio.log()) == 2


def test_priorities_and_states(studio: Studio) -> None:
    (batch,) = studio.submit(studio.orders.generate("a boat", seed=1), priority=BATCH)
    (mine,) = studio.submit(studio.orders.generate("a boat", seed=2))
    assert studio.queue.claim("w", 15)[0].id == mine.id
    assert [job.id for job in studio.jobs()] == [mine.id, batch.id]
    assert [job.id for job in studio.jobs(Status.QUEUED)] == [batch.id]
    assert [job.id for job in studio.jobs(group=mine.group)] == [mine.id]


def test_what_cannot_be_drawn_is_never_queued(studio: Studio, wolf: Version) -> None:
    order = studio.orders.generate("a boat", seed=1)
    foreign = order.recipes[0].change(model={"name": "fake", "digest": "ab" * 32})
    with pytest.raises(RecipeRefused):
        studio.submit(Order("generate", (order.recipes[0], foreign)))
    with pytest.raises(SettingRefused):
        studio.submit(studio.orders.upscale(wolf, 1000))
    assert studio.jobs() == [] or {job.operation for job in studio.jobs()} == {"generate"}
    assert studio.jobs(Status.QUEUED) == []


def test_cancelled_and_tried_again(studio: Studio) -> None:
    jobs = studio.submit(studio.orders.generate("a boat", seed=1, n=2))
    studio.cancel_jobs([jobs[0].id])
    assert [job.status for job in studio.jobs(group=jobs[0].group)] == [
        Status.CANCELLED,
        Status.QUEUED,
    ]
    assert studio.retry([jobs[0].id])[0].status is Status.QUEUED
    with pytest.raises(JobUnknown):
        studio.job("nobody")


def test_replays_and_critiques_can_wait_too(studio: Studio, wolf: Version) -> None:
    (replay,) = studio.submit(studio.orders.replay(wolf))
    (critique,) = studio.submit(studio.orders.critique(wolf))
    carry_out_everything(studio)
    assert (studio.job(replay.id).result or {})["verdict"] == "exact"
    assert (studio.job(critique.id).result or {})["findings"] == len(studio.findings(wolf))
    assert studio.log() == [wolf]


def test_an_explained_picture_has_token_maps_from_then_on(studio: Studio) -> None:
    version, _ = studio.import_picture(encode_png(Image.new("RGB", (64, 64), "navy")))
    with pytest.raises(TraceMissing):
        studio.orders.explain(version)
    assert studio.trace(version) is None
    studio.submit(studio.orders.explain(version, "a night sky"))
    carry_out_everything(studio)
    assert [heat.token for heat in studio.heatmap(version)] == ["a", "night", "sky"]
    assert studio.mask(version, token="sky").size == (64, 64)
