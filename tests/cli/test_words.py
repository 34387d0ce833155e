"""Words for people, and how the values of options are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from maquette.cli.arguments import join_corners
from maquette.cli.options import read_box, read_number, read_polygon, read_size, read_weights
from maquette.cli.words import age, amount, bytes_in_words, one_line, safe, shorten

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
        (86_400 * 400, "400 d ago"),
    ],
)
def test_age(seconds: int, words: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_340_000, "2.3 MB"), (5e12, "5000.0 GB")],
)
def test_bytes(count: float, words: str) -> None:
    assert bytes_in_words(count) == words


def test_amounts() -> None:
    assert (amount(0, "word"), amount(1, "word"), amount(2, "word")) == (
        "0 words",
        "1 word",
        "2 words",
    )


def test_nothing_can_steer_the_terminal() -> None:
    assert safe("a\x1b[31mred\x07 \u202egnp.exe") == "a\ufffd[31mred\ufffd \ufffdgnp.exe"
    assert safe("lone \ud800 surrogate").encode()
    assert one_line("two\r\nlines\t here") == "two lines here"
    assert len(one_line("x" * 100_000)) == 600


def test_shortening_shows_itself() -> None:
    assert shorten("moonlight", 9) == "moonlight"
    assert shorten("moonlight", 5) == "moon…"


@pytest.mark.parametrize(
    ("given", "size"),
    [(None, None), ("256x128", (256, 128)), ("256X128", (256, 128)), ("8×8", (8, 8))],
)
def test_sizes(given: str | None, size: tuple[int, int] | None) -> None:
    assert read_size(given) == size


@pytest.mark.parametrize("given", ["", "256", "256x", "x256", "-8x8", "8.5x8", "8x8x8", "a" * 999])
def test_what_is_no_size(given: str) -> None:
    with pytest.raises(typer.BadParameter, match="WIDTHxHEIGHT, such as 256x256"):
        read_size(given)


def test_boxes() -> None:
    assert read_box("0,120,256,60") == (0, 120, 256, 60)
    assert read_box(" -1, +2,3 ,4") == (-1, 2, 3, 4)
    for wrong in ("", "1,2,3", "1,2,3,4,5", "1,2,3,x", "1.5,2,3,4", "1;2;3;4"):
        with pytest.raises(typer.BadParameter, match="X,Y,WIDTH,HEIGHT"):
            read_box(wrong)


def test_polygons() -> None:
    assert read_polygon("0,0 40,0  20,30") == [(0, 0), (40, 0), (20, 30)]
    for wrong in ("", "0,0", "0,0 1,1", "0,0 1,1 2", "0,0 1,1 x,y"):
        with pytest.raises(typer.BadParameter, match="three corners or more"):
            read_polygon(wrong)


def test_weights() -> None:
    assert read_weights(["moon=1.4", "full moon=.5", "a=b=2"]) == {
        "moon": 1.4,
        "full moon": 0.5,
        "a=b": 2.0,
    }
    for wrong in ("moon", "=1", "moon=", "moon=much", "moon=nan", "moon=inf"):
        with pytest.raises(typer.BadParameter, match="WORD=WEIGHT"):
            read_weights([wrong])
    with pytest.raises(typer.BadParameter, match="given twice"):
        read_weights(["moon=1", "moon=2"])


def test_numbers_are_finite() -> None:
    assert read_number(None) is None
    assert read_number(1.5) == 1.5
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(typer.BadParameter):
            read_number(wrong)


@pytest.mark.parametrize(
    ("given", "joined"),
    [
        ([], []),
        (["--polygon", "0,0", "4,0", "2,3", "@"], ["--polygon", "0,0 4,0 2,3", "@"]),
        (["@", "--polygon", "0,0", "-4,0"], ["@", "--polygon", "0,0 -4,0"]),
        (["--polygon", "0,0 4,0 2,3", "@"], ["--polygon", "0,0 4,0 2,3", "@"]),
        (["--polygon", "--", "1,2"], ["--polygon", "--", "1,2"]),
        (["--polygon", "1,2", "--", "1,2", "1,2"], ["--polygon", "1,2", "--", "1,2", "1,2"]),
        (["1,2", "3,4"], ["1,2", "3,4"]),
    ],
)
def test_corners_join(given: list[str], joined: list[str]) -> None:
    assert join_corners(given) == joined
