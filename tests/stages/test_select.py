"""Which drafts are put before a person: good ones, and unlike one another."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.trace import Trace, TracedWord
from maquette.stages.select import TECHNIQUE, Candidate, focus_of, select

from .conftest import Bench

COLOURS = ("navy", "gold", "green", "white", "purple", "black", "red", "grey")


def spot(columns: int, word: str = "moon", *, known: bool = True) -> Trace:
    """A map whose attention lies evenly in so many of 16 columns."""
    plane = np.zeros((16, 16), np.float32)
    plane[:, :columns] = 0.5
    return Trace(words=(TracedWord(text=word, start=0, end=4, known=known),), maps=plane[None])


def fault(score: float, severity: str = "fault") -> Finding:
    return Finding.model_validate(
        {
            "critic": "vision",
            "name": "blur",
            "message": "blurred",
            "severity": severity,
            "score": score,
        }
    )


@pytest.fixture
def drafts(bench: Bench) -> list[Candidate]:
    """Eight drafts of eight colours, each a little less focused than the one before."""
    made = bench.make(*(bench.recipe(seed=seed) for seed in range(len(COLOURS))))
    return [
        Candidate(version, Image.new("RGB", (64, 64), colour), spot(2 + number))
        for number, (version, colour) in enumerate(zip(made, COLOURS, strict=True))
    ]


def test_the_sharper_the_maps_the_better(drafts: list[Candidate]) -> None:
    drafts = [replace(draft, picture=drafts[0].picture) for draft in drafts]
    picks = select(drafts)
    assert [pick.version for pick in picks] == [draft.version for draft in drafts]
    assert all(a.score >= b.score for a, b in pairwise(picks))
    assert picks[0].suggested == 1 and picks[0].reason.startswith("the best score")


def test_faults_count_against_a_draft_and_notes_do_not(drafts: list[Candidate]) -> None:
    clean, faulty, noted = (
        drafts[0],
        replace(drafts[0], findings=[fault(0.3)]),
        replace(drafts[0], findings=[fault(0.3, "note")]),
    )
    scores = [select([each])[0].score for each in (clean, faulty, noted)]
    assert scores[1] == pytest.approx(scores[0] / 1.3, abs=1e-4) and scores[2] == scores[0]
    assert "blurred" in select([faulty])[0].reason
    # Where every draft has many, fewer are still better.
    bad, worse = ([fault(0.9)] * 2, [fault(0.9)] * 3)
    alike = replace(drafts[1], picture=drafts[0].picture, trace=drafts[0].trace)
    told = select([replace(drafts[0], findings=worse), replace(alike, findings=bad)])
    assert [pick.version for pick in told] == [drafts[1].version, drafts[0].version]
    assert told[0].score > told[1].score > 0
    assert "blurred, and 1 more" in told[0].reason


def test_a_persons_stars_count_before_what_was_measured(drafts: list[Candidate]) -> None:
    drafts[-1] = replace(drafts[-1], rating=4)
    drafts[0] = replace(drafts[0], rating=2)
    picks = select(drafts)
    assert picks[0].version == drafts[-1].version and "4 of 5 stars" in picks[0].reason
    assert [pick.version for pick in picks].index(drafts[0].version) > 0


def test_suggestions_are_unlike_one_another(drafts: list[Candidate]) -> None:
    twins = [replace(draft, picture=drafts[0].picture) for draft in drafts[:4]] + drafts[4:]
    picks = select(twins, 3)
    suggested = sorted(
        (pick for pick in picks if pick.suggested), key=lambda pick: pick.suggested or 0
    )
    assert [pick.suggested for pick in suggested] == [1, 2, 3]
    shown = [next(t.picture for t in twins if t.version == pick.version) for pick in suggested]
    assert len({picture.tobytes() for picture in shown}) == 3
    assert "unlike those before it" in suggested[1].reason


def test_the_same_picture_is_never_suggested_twice(drafts: list[Candidate]) -> None:
    same = [replace(draft, picture=drafts[0].picture) for draft in drafts]
    assert [pick.suggested for pick in select(same, 5)].count(None) == len(same) - 1


@given(count=st.integers(-1, 12))
def test_never_more_than_asked_for(count: int) -> None:
    assert select([], count) == []


@pytest.mark.parametrize("count", [0, 1, 5, 8, 20])
def test_as_many_as_asked_for_where_there_are_so_many(drafts: list[Candidate], count: int) -> None:
    turns = [pick.suggested for pick in select(drafts, count) if pick.suggested]
    assert sorted(turns) == list(range(1, min(count, len(drafts)) + 1))


def test_focus_counts_known_content_words_alone(bench: Bench) -> None:
    size = bench.make(bench.recipe())[0].size
    assert focus_of(spot(16), size) == pytest.approx(0.1, abs=0.02)
    assert focus_of(spot(1), size) == pytest.approx(1)
    assert focus_of(spot(1, "under"), size) is None
    assert focus_of(spot(1, known=False), size) is None
    assert focus_of(spot(1, "under"), size, ["under"]) == pytest.approx(1)


def test_without_maps_a_draft_is_neither_good_nor_bad(drafts: list[Candidate]) -> None:
    pick = select([replace(drafts[0], trace=None)])[0]
    told = (1 - TECHNIQUE) * 0.5 + TECHNIQUE * pick.technique
    assert pick.focus is None and pick.score == pytest.approx(told, abs=1e-4)


def test_of_two_equal_drafts_the_better_made_one_comes_first(drafts: list[Candidate]) -> None:
    grain = np.random.default_rng(1).integers(-30, 30, (64, 64, 3))
    sharp = Image.new("RGB", (64, 64), "white")
    sharp.paste((20, 60, 160), (20, 20, 44, 44))
    noisy = Image.fromarray(np.clip(np.asarray(sharp) + grain, 0, 255).astype(np.uint8))
    twins = [replace(drafts[1], picture=noisy, trace=drafts[0].trace), drafts[0]]
    twins[1] = replace(twins[1], picture=sharp)
    picks = select(twins)
    assert [pick.version for pick in picks] == [twins[1].version, twins[0].version]
    assert f"technique {picks[0].technique:.0%} (a fifth)" in picks[0].reason
    flat = select([replace(drafts[0], picture=Image.new("RGB", (64, 64), "black"))])[0]
    assert "(a fifth; least " in flat.reason
