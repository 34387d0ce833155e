"""The judge: claims say what captions say, tallies count, a tiny training learns and ships."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

import torch
from training.fitting import fit
from training.judge import style as styles
from training.judge.claims import Claim, claims, holds, interval, tally
from training.judge.network import CELLS, SIDE, Judge
from training.judge.panel import Panel, load
from training.judge.scenes import Scenes, answers, cells, draw, evenly, gather
from training.judge.style import Style
from training.judge.train import Task, ask, disturb, measure, report
from training.world import NOUNS, Facts, Thing, render
from training.world.phrases import untag

from training import adherence, fitting


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    """Twelve scenes."""
    return gather([render(s, phrasings=1, **evenly(s)) for s in range(12)])


def _mug() -> Facts:
    return Facts(
        style="ink",
        outdoor=False,
        place="backdrop",
        wall="pink",
        things=[Thing("mug", "red", "left", logo="star", logo_colour="white")],
    )


def _said(tagged: str, facts: Facts) -> set[tuple[str, str, str]]:
    return {(c.kind, c.noun, c.value) for c in claims(untag(tagged), facts)}


def test_only_what_is_said_is_claimed() -> None:
    assert _said("a mug<mug>", _mug()) == {("object", "mug", "thing"), ("single", "mug", "1")}
    everything = _said(
        "a red<mug> mug<mug> with a white<star> star<star> on the left, "
        "pink<backdrop> backdrop<backdrop>, ink drawing",
        _mug(),
    )
    assert {
        ("colour", "mug", "red"),
        ("colour", "star", "white"),
        ("colour", "backdrop", "pink"),
        ("position", "mug", "left"),
        ("style", "", "ink"),
        ("object", "star", "worn"),
    } <= everything


def test_a_side_belongs_to_the_thing_before_it() -> None:
    facts = Facts(time="night", light="full moon", light_position="right", place="hills")
    facts.things = [Thing("wolf", "grey", "left")]
    said = _said("a wolf<wolf> on the left under a full<moon> moon<moon> at right, night", facts)
    assert {x for x in said if x[0] == "position"} == {
        ("position", "wolf", "left"),
        ("position", "moon", "right"),
    }
    assert ("time", "", "night") in said


def test_numbers_and_reserved_pairs_are_claimed() -> None:
    facts = Facts(outdoor=False, place="kitchen", things=[Thing("mug", "purple", "", "", 3)])
    said = _said("three<mug> purple<mug> mugs<mug> in a kitchen<kitchen>", facts)
    assert ("count", "mug", "3") in said
    assert ("pair", "mug", "purple") in said
    assert not {x for x in said if x[0] == "single"}
    bag = Facts(outdoor=False, place="kitchen", things=[Thing("bag", "red")])
    assert ("pair", "bag", "kitchen") in _said("a bag<bag> in a kitchen<kitchen>", bag)
    assert not {x for x in _said("a bag<bag>", bag) if x[0] == "pair"}


def test_claims_of_rendered_captions_are_true_of_their_scenes() -> None:
    """A judge that knows the facts keeps nearly every claim: what is hidden may fail."""
    judged = []
    for seed in range(40):
        scene = render(seed, phrasings=3)
        truth = {k: np.asarray(v) for k, v in answers(scene).items()}
        for caption in scene.captions:
            judged += [(c, holds(c, truth), True) for c in claims(caption, scene.facts)]
    found = tally(judged)
    assert found["object"]["share"] > 0.95
    for kind in ("colour", "position", "count", "single", "time", "style"):
        assert found[kind]["share"] > 0.95, kind
        assert found[kind]["asked"] > 4


def test_holds_needs_the_noun_and_the_value() -> None:
    told = {k: np.asarray(v) for k, v in answers(render(3, noun="mug", colour="red")).items()}
    assert holds(Claim("object", "mug", "thing"), told)
    assert holds(Claim("colour", "mug", "red"), told)
    assert not holds(Claim("colour", "mug", "blue"), told)
    gone = {**told, "present": np.zeros(len(NOUNS))}
    assert not holds(Claim("colour", "mug", "red"), gone)


def test_tally_and_interval() -> None:
    mug = Claim("object", "mug", "thing")
    found = tally([(mug, True, True), (mug, False, False), (Claim("colour", "mug"), False, True)])
    assert found["object"]["asked"] == found["thing"]["asked"] == 2
    assert found["object"]["share"] == 0.5
    assert found["object"]["where_found"] == 1
    assert found["colour"]["share"] == 0
    low, high = interval(90, 100)
    assert (round(low, 3), round(high, 3)) == (0.826, 0.945)
    assert interval(0, 0) == (0, 1)
    assert interval(100, 100)[1] == pytest.approx(1)


def test_places_are_packed_where_the_masks_are() -> None:
    scene = render(4, noun="mug", mode="one", position="left")
    packed = (cells(scene.masks) >> NOUNS.index("mug")) & 1
    assert packed.shape == (CELLS, CELLS)
    assert 0 < packed[:, : CELLS // 2].sum() > 3 * packed[:, CELLS // 2 :].sum()


def test_even_scenes_show_reserved_pairs_too_and_stay_the_same() -> None:
    chosen = [evenly(seed) for seed in range(300)]
    assert any(one.get("unseen") for one in chosen)
    assert ("mug", "purple") in {(c.get("noun"), c.get("colour")) for c in map(evenly, range(9000))}
    assert chosen == [evenly(seed) for seed in range(300)]


def test_disturbing_keeps_shape_range_and_seed(scenes: Scenes) -> None:
    from training.files import to_unit

    pictures = to_unit(scenes.pictures)
    once, again = (disturb(pictures, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(once, again)
    assert once.shape == (12, 3, SIDE, SIDE)
    assert float(once.abs().max()) <= 1
    assert 0.01 < float((once - pictures).abs().mean()) < 0.3


def test_a_tiny_training_learns_resumes_and_ships(scenes: Scenes, tmp_path: Path) -> None:
    torch.manual_seed(0)
    widths = (8, 16, 16, 16)
    small = Judge(widths)
    plan = {"until": math.inf, "rate": 3e-3, "batch": 8, "seed": 1}
    where = torch.device("cpu")
    fit(Task(small, scenes, where), tmp_path, most_steps=3, **plan)
    again = Judge(widths)
    network = fit(Task(again, scenes, where), tmp_path, most_steps=6, **plan)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 6
    told = ask(network, torch.zeros(2, 3, SIDE, SIDE))
    assert told["present"].shape == told["colour"].shape == (2, len(NOUNS))
    assert set(told["time"].tolist()) <= {0, 1, 2, 3}
    assert measure(network, scenes)["scenes"] == 12


def test_report_ships_a_judge_that_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = Judge().eval()
    figures = report(judge, 0, tmp_path, 4)
    card = json.loads((tmp_path / "judge.json").read_text())
    assert card["held_out"] == figures
    assert 0.5e6 < card["parameters"] < 1.5e6
    style = Style().eval()
    fitting.export(style, tmp_path, "style", {})
    probe = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    ours, theirs = Panel(judge, style).answers(probe), load(tmp_path).answers(probe)
    assert np.allclose(ours["present"], theirs["present"], atol=0.01)
    assert ours["style"].shape == (2,)


def test_the_judge_of_style_learns_and_ships(tmp_path: Path) -> None:
    pictures, told = styles.draw(10, 100)
    assert told.tolist() == [0, 1, 2, 3, 4] * 2
    torch.manual_seed(0)
    plan = {"until": math.inf, "rate": 3e-3, "batch": 8, "seed": 1}
    task = styles.Task(Style((8, 8, 8)), pictures, told, torch.device("cpu"))
    before = float(task.loss(np.random.default_rng(0), 10)["style"].detach())
    fit(task, tmp_path, most_steps=12, **plan)
    assert float(task.loss(np.random.default_rng(0), 10)["style"].detach()) < before
    found = styles.measure(Style().eval(), 5)
    assert 0 <= found["disturbed"]["all"] <= 1


def test_scenes_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.judge import scenes as module

    monkeypatch.setattr(module, "PIECE", 3)
    first = draw(tmp_path, 6, 1)
    assert len(first) == 6
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    again = draw(tmp_path, 6, 1)
    assert stamps == {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert np.array_equal(first.pictures, again.pictures)


def test_adherence_of_perfect_pictures_is_the_ceiling(tmp_path: Path) -> None:
    from PIL import Image

    torch.manual_seed(0)
    wanted = adherence.prompts(3) + adherence.prompts(2, unseen=True)
    assert len({p.seed for p in wanted}) == 5
    assert all(p.claims for p in wanted)
    for one in wanted:
        Image.fromarray(one.picture).save(tmp_path / f"{one.seed}.png")
    found = adherence.compare(Panel(Judge().eval(), Style().eval()), wanted, tmp_path)
    assert found["model"] == found["ceiling"]
    assert "objects" in adherence.table({"all": found})


def test_prompts_can_be_held_to_known_words() -> None:
    known = (
        "a the in by at on with and misty forest calm sea snowy mountains green hills city "
        "skyline night day sunset boat wolf cat white black red table wooden mug"
    )
    words = frozenset(known.split())
    for one in adherence.prompts(2, words=words):
        assert set(one.caption.text.replace(",", " ").split()) <= words
