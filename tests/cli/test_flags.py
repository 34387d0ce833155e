"""Midjourney's flags on the command line: translated, said, refused."""

from __future__ import annotations

import pytest

from .conftest import Maquette

TYPED = "a wolf --ar 3:2 --no fog --seed 12 --tile"


def test_what_became_of_each_flag_is_said(maquette: Maquette) -> None:
    said = maquette("generate", TYPED, "--quality", "draft", "--json")
    assert said.code == 0
    assert said.record["width"] / said.record["height"] == pytest.approx(1.5, rel=0.03)
    assert "maquette: --no fog → the negative prompt 'fog'" in said.err
    assert "--tile is left out: no engine here draws patterns without seams" in said.err
    shown = maquette("show", "@", "--json").record
    assert (shown["prompt"], shown["negative"], shown["seed"]) == ("a wolf", "fog", 12)


def test_an_option_counts_before_a_flag(maquette: Maquette) -> None:
    maquette("generate", TYPED, "--seed", 4, "--size", "256x256")
    shown = maquette("show", "@", "--json").record
    assert (shown["seed"], shown["width"], shown["height"]) == (4, 256, 256)


def test_flags_can_be_words(maquette: Maquette) -> None:
    said = maquette("generate", TYPED, "--flags", "none")
    assert said.code == 0 and "left out" not in said.err
    assert maquette("show", "@", "--json").record["prompt"] == TYPED


def test_a_wrong_flag_is_refused_where_flags_are_asked_for(maquette: Maquette) -> None:
    said = maquette("generate", "a wolf --chaos 101", "--flags", "midjourney")
    assert said.code == 13
    assert "--chaos takes a whole number from 0 to 100, not 101" in said.err


def test_prompt_explains_flags_without_drawing(maquette: Maquette) -> None:
    told = maquette("prompt", TYPED + " --sref @~1 --sw 300 --foo 1", "--json").record["flags"]
    assert told["prompt"] == "a wolf" and told["negative"] == "fog" and told["version"] == "7"
    assert told["settings"]["seed"] == 12
    assert told["references"] == [{"role": "style", "source": "@~1", "strength": 1.22}]
    assert [flag for flag, _ in told["left"]] == ["--tile", "--foo 1"]
    assert told["problems"][0]["message"] == "--foo is no flag"
    out = maquette("prompt", TYPED).out
    assert "--ar 3:2" in out and "nothing: no engine" in out
    assert maquette("prompt", "a wolf", "--json").record["flags"] is None
    assert maquette("prompt", TYPED, "--flags", "none", "--json").record["flags"] is None
