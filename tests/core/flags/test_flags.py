"""Midjourney's flags: read from the end of a prompt, doubted, written back, translated."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.flags import (
    FLAGS,
    TABLE,
    VERSIONS,
    Translation,
    flag_problems,
    read_flags,
    read_parts,
    size_of_ratio,
    translate,
    values_in,
    write_flags,
    write_parts,
)
from maquette.core.geometry import Size

ABLE = Capabilities(
    engine="fake",
    tasks=frozenset({"text-to-image"}),
    best_size=Size(width=256, height=256),
    multiple=8,
    min_side=64,
    max_side=1024,
    presets={
        "draft": Preset(sampler="lcm", steps=4, guidance=1.0),
        "preview": Preset(sampler="dpm++", steps=15, guidance=4.0),
        "final": Preset(sampler="ddim", steps=40, guidance=5.0),
    },
)

SCRAPS = (
    *("--ar", "--no", "--seed", "--s", "--v", "--niji", "--sref", "--foo", "--", "\u2014no"),
    *("\u2014ar", "3:2", "7", "6.1", "101", "-1", "text, fog", "a wolf", "::", "::2", "::-.5"),
    *(" ", "\n", "https://a.b/c.png", "[a::0.5]", "(", "]", "\ud800", "1e9", "0:0", "--ar3:2"),
)
TEXTS = st.lists(st.sampled_from(SCRAPS), max_size=14).map(" ".join) | st.text(max_size=60)


def meaning(text: str) -> Translation:
    return translate(read_flags(text), ABLE)


def says(text: str) -> list[str]:
    return [problem.message for problem in flag_problems(read_flags(text))]


def test_words_and_flags_are_parted() -> None:
    text = "a wolf, misty forest --ar 3:2 --no text, fog --s 250 --tile"
    read = read_flags(text)
    assert read.prompt == "a wolf, misty forest"
    assert [(flag.name, flag.value) for flag in read.flags] == [
        ("ar", "3:2"),
        ("no", "text, fog"),
        ("stylize", "250"),
        ("tile", ""),
    ]
    assert [text[slice(*flag.span)] for flag in read.flags] == [
        "--ar 3:2",
        "--no text, fog",
        "--s 250",
        "--tile",
    ]
    assert [text[slice(*flag.value_span)] for flag in read.flags] == ["3:2", "text, fog", "250", ""]


@pytest.mark.parametrize(
    "text", ["a wolf", "a - b -- c", "well-known--ar", "he said \u2014no way", ""]
)
def test_what_is_no_flag_stays_in_the_words(text: str) -> None:
    read = read_flags(text)
    assert not read.any_known and read.prompt == text.strip()


def test_a_dash_in_place_of_two_hyphens_is_read() -> None:
    assert read_flags("a wolf \u2014ar 3:2 \u2014no fog") == read_flags("a wolf --ar 3:2 --no fog")


@given(TEXTS)
def test_what_is_written_reads_the_same(text: str) -> None:
    read = read_flags(text)
    written = write_flags(read)
    assert read_flags(written) == read
    assert write_flags(read_flags(written)) == written
    for flag in read.flags:
        assert text[slice(*flag.value_span)] == flag.value


@given(TEXTS)
def test_every_flag_is_accounted_for(text: str) -> None:
    read = read_flags(text)
    for problem in flag_problems(read):
        assert 0 <= problem.span[0] <= problem.span[1] <= len(text)
    found = translate(read, ABLE)
    told = [outcome.flag for outcome in (*found.done, *found.left)]
    for flag in read.flags:
        assert f"--{flag.name} {flag.value}".rstrip()[:200] in told


@pytest.mark.parametrize(
    "scrap", ["--ar ", "--no a, ", "a::2 ", "\u2014no ", "[::", "https://a.b "]
)
def test_four_times_the_text_is_four_times_the_work(scrap: str) -> None:
    def calls(text: str) -> int:
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            write_flags(read_flags(text))
            read_parts(text)
        finally:
            sys.setprofile(None)
        return count

    length = 600 // len(scrap)
    assert calls(scrap * 4 * length) <= 4.4 * calls(scrap * length) + 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a --chaos 101", "--chaos takes a whole number from 0 to 100, not 101"),
        ("a --seed 4294967296", "--seed takes a whole number from 0 to 4294967295, not 4294967296"),
        ("a --seed 1.5", "--seed takes a whole number from 0 to 4294967295, not '1.5'"),
        ("a --ar 16.5:9", "--ar takes whole numbers such as 3:2, not '16.5:9'"),
        ("a --ar 0:2", "--ar takes whole numbers such as 3:2, not '0:2'"),
        ("a --ar", "--ar needs a value: whole numbers such as 3:2"),
        ("a --tile red", "--tile takes no value; put words before the flags"),
        ("a --stilize 5", "--stilize is no flag; --stylize is one"),
        ("a --ar3:2", "--ar3:2 is no flag"),
        ("a --q 2 --v 6", "--quality takes 0.25, 0.5, 1, not '2'"),
        ("a --cref x.png", "--cref belongs to versions 6 to 6.1, not to version 7; use --oref"),
        ("a --oref x.png --v 6", "--oref belongs to version 7, not to version 6"),
        ("a --iw 3 --v 5.2", "--iw takes a number from 0 to 2, not 3"),
        ("a --sw 50", "--sw does nothing without --sref"),
        ("a --ar 1:1 --ar 3:2", "--ar is given again; the last one counts"),
        ("a --v 12", "--v 12 is not known here; flags are read as those of 7"),
    ],
)
def test_doubts(text: str, message: str) -> None:
    assert message in says(text)


@pytest.mark.parametrize(
    "text",
    [
        "a --ar 3:2 --no fog --seed 0 --chaos 100 --stylize 1000 --weird 3000 --exp 100 --q 4",
        "a --sref https://a.b/c.png random 1234 --sw 1000 --oref me.png --ow 1 --iw 3 --draft",
        "a --cref x.png --cw 0 --v 6.1 --style raw --q 0.5 --stop 10",
        "a --niji 6 --style cute",
        "a --niji",
        "a --tile --fast --p abc",
    ],
)
def test_what_is_right_raises_no_doubt(text: str) -> None:
    assert says(text) == []


def test_every_flag_has_values_in_some_version_and_is_told_of_in_the_table() -> None:
    told = " ".join(TABLE)
    for name, spec in FLAGS.items():
        assert any(values_in(spec, version) for version in VERSIONS)
        assert f"--{name}" in told, name


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ("--ar 3:2", {"size": (312, 208)}),
        ("--ar 1:1", {"size": (256, 256)}),
        ("--seed 12", {"seed": 12}),
        ("--draft", {"quality": "draft"}),
        ("--q 1", {"quality": "final"}),
        ("--q 2", {"quality": "final", "steps": 80}),
        ("--q .25 --v 5", {"quality": "draft"}),
        ("--stylize 0", {"guidance": 6.5}),
        ("--stylize 1000", {"guidance": 3.0}),
        ("--repeat 4", {"n": 4}),
    ],
)
def test_what_a_flag_becomes(flags: str, settings: dict[str, object]) -> None:
    found = meaning(f"a wolf {flags}")
    assert found.prompt == "a wolf"
    assert found.settings == settings
    assert found.left == ()


def test_no_becomes_the_negative_prompt() -> None:
    assert meaning("a wolf --no text , fog,").negative == "text, fog"


def test_references_keep_their_weights() -> None:
    flags = "--sref @~2::2 random s.png --sw 550 --oref 3f2a --ow 50"
    found = meaning(f"http://a.b/x.png a wolf {flags}")
    kinds = [(wanted.role, wanted.source, wanted.strength) for wanted in found.references]
    assert kinds == [
        ("object", "http://a.b/x.png", 1.0),
        ("style", "@~2", 1.5),
        ("object", "3f2a", 0.5),
    ]
    assert found.prompt == "a wolf"
    assert [outcome.says for outcome in found.left] == [
        "the style code random is known to Midjourney alone",
        "a prompt names no files; give it as --reference style=s.png",
    ]


def test_a_character_without_weight_is_a_face() -> None:
    (wanted,) = meaning("a wolf --cref @ --cw 0 --v 6").references
    assert (wanted.role, wanted.strength) == ("face", 1.0)


def test_what_a_model_lacks_is_left_out() -> None:
    bare = ABLE.model_copy(
        update={
            "seeds": False,
            "negatives": False,
            "sizes": (Size(width=1024, height=1024), Size(width=1536, height=1024)),
        }
    )
    read = read_flags("moon:: fog::-.5 --ar 16:9 --no fog --seed 4")
    found = translate(read, bare)
    assert found.settings == {"size": (1536, 1024)} and found.negative == ""
    assert [outcome.says for outcome in found.left] == [
        "'fog': this model has no negative prompt",
        "this model has no negative prompt",
        "this model takes no seed",
    ]


@pytest.mark.parametrize("flag", ["--tile", "--weird 5", "--exp 5", "--stop 50 --v 6", "--foo 3"])
def test_what_has_no_counterpart_is_said(flag: str) -> None:
    found = meaning(f"a wolf {flag}")
    assert found.settings == {} and found.left[0].flag.startswith(flag.split(maxsplit=1)[0])


def test_a_draft_without_guidance_has_nothing_to_stylize() -> None:
    found = meaning("a wolf --draft --s 500")
    assert found.settings == {"quality": "draft"}
    assert found.left[0].says == "this quality is drawn without guidance"


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        ("moon:: wolf::2 fog::-.5", "moon :1 AND wolf :2", "fog"),
        ("moon::3 wolf", "moon :3 AND wolf :1", ""),
        ("a [cat::0.5] wolf", "a [cat::0.5] wolf", ""),
        ("hot dog", "hot dog", ""),
        ("hot dog::", "hot dog", ""),
    ],
)
def test_multi_prompts(text: str, prompt: str, negative: str) -> None:
    assert write_parts(read_parts(text)) == (prompt, negative)


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_shape_always_lies_on_the_grid(width: int, height: int) -> None:
    size = size_of_ratio(width, height, ABLE)
    assert size.width % 8 == size.height % 8 == 0
    assert min(size.width, size.height) >= 64 and max(size.width, size.height) <= 1024
    assert size.area <= 1.05 * 256 * 256
    if 0.4 <= width / height <= 2.5:
        assert size.width / size.height == pytest.approx(width / height, rel=0.03)
        assert size.area >= 0.9 * 256 * 256
