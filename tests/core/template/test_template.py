"""Templates: read, counted, filled by a seed or in turn; every mistake in one line."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.grammar import MAX_LENGTH
from maquette.core.template import (
    MAX_NESTING,
    MAX_TEMPLATE,
    MOST_WAYS,
    compile_template,
    every,
    parse_template,
    samples,
)
from maquette.errors import TemplateRefused

WILDCARDS = {
    "season": ("summer", "{autumn|fall}", "winter"),
    "colours/warm": ("red", "0.5::orange", "0::brown"),
    "colours/cold": ("blue",),
    "clothes": ("${season} shirts", "hats"),
}


def ways(text: str, **values: str) -> list[str]:
    plan = compile_template(parse_template(text), values, WILDCARDS)
    found = every(plan)
    assert len(found) <= plan.ways
    return found


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("a wolf", ["a wolf"]),
        ("", [""]),
        ("a {red|blue} wolf", ["a red wolf", "a blue wolf"]),
        ("{a|b} {c|d}", ["a c", "a d", "b c", "b d"]),
        ("{a|{b|c}}", ["a", "b", "c"]),
        ("a {|red} wolf", ["a wolf", "a red wolf"]),
        ("{0.5::a|2::b|0::c}", ["a", "b"]),
        ("{2$$a|b|c}", ["a, b", "a, c", "b, a", "b, c", "c, a", "c, b"]),
        ("{2$$ and $$a|b}", ["a and b", "b and a"]),
        ("{1-2$$a|b}", ["a", "b", "a, b", "b, a"]),
        ("{-2$$a|b}", ["a", "b", "a, b", "b, a"]),
        ("{2-$$a|b}", ["a, b", "b, a"]),
        ("{5$$a|b}", ["a, b", "b, a"]),
        ("{0-1$$a|b}", ["", "a", "b"]),
        ("__season__ sky", ["summer sky", "autumn sky", "fall sky", "winter sky"]),
        ("__colours/*__", ["blue", "red", "orange"]),
        ("{2$$__colours/warm__}", ["red, orange", "orange, red"]),
        ("${c=!{red|blue}}${c} and ${c}", ["red and red", "blue and blue"]),
        ("${c={red|blue}}${c}, ${c}", ["red, red", "red, blue", "blue, red", "blue, blue"]),
        ("${season=!{hot|cold}} __clothes__", ["hot shirts", "hats", "cold shirts"]),
        ("a ${what:wolf}", ["a wolf"]),
        ("a ${what:{wolf|fox}}", ["a wolf", "a fox"]),
        (
            "a (moon:1.4), [cat|dog], [a:b:3] AND x \\(",
            ["a (moon:1.4), [cat|dog], [a:b:3] AND x \\("],
        ),
        ("\\{a\\|b\\} \\$x \\__y__ \\<lock:z>", ["{a|b} $x __y__ <lock:z>"]),
        ("a # the animal\n  wolf # here", ["a wolf"]),
        ("# all of it\na #ff8800 moon#2\n#gone\n", ["a #ff8800 moon#2"]),
        ("a wolf,\n\n   misty   forest", ["a wolf, misty forest"]),
        ("a <lock:Acme  red> mug", ["a Acme red mug"]),
        ("{\n a\n # | x\n | b\n}", ["a", "b"]),
        ("{a\\|b|c}", ["a|b", "c"]),
        ("price 5$ _ __ {a}", ["price 5$ _ __ a"]),
    ],
)
def test_what_a_template_stands_for(text: str, texts: list[str]) -> None:
    assert ways(text) == texts


def test_given_values_count_first_and_are_plain() -> None:
    assert ways("${c=red}a ${c} ${d:mug}", c="{x|y} __z__", d="cup") == ["a {x|y} __z__ cup"]


def test_what_was_used_is_known() -> None:
    plan = compile_template(parse_template("a ${what:wolf}"), {"what": "fox", "other": "x"})
    assert plan.used == {"what"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("{a|b} {c|d|e}", 6),
        ("{2$$a|b|c|d}", 12),
        ("{1-3$$a|b|{c|d}}", 4 + 2 * (1 + 2 + 2) + 6 * 2),
        ("{a|a}", 2),
        ("${x=!{a|b}}${x}${x}{c|d}", 4),
        ("{a|b}" * 60, MOST_WAYS),
    ],
)
def test_the_ways_are_counted_without_filling(text: str, count: int) -> None:
    assert compile_template(parse_template(text)).ways == count


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nb {c|d", "line 2: '{' is never closed"),
        ("a ${x:y", "line 1: '${x' is never closed"),
        ("a }", "line 1: '}' closes nothing"),
        ("${} a", "'${' needs a name"),
        ("${7up}", "'${' needs a name"),
        ("{3-2$$a|b}", "chooses from more to fewer"),
        ("{101$$a|b}", "chooses more than 100"),
        ("{0::a|0::b}", "every option weighs 0"),
        ("{a|${x=1}}", "set it outside"),
        ("{a|<lock:b>}", "stands inside braces"),
        ("<lock:a ${b}>", "holds something else than words"),
        ("<lock:>", "holds something else than words"),
        ("<lock:a", "never closed"),
        ("${a=${a}}${a}", "needs a value for a"),
        ("${x} ${y}", "needs values for x, y"),
        ("__nowhere__", "there is no wildcard 'nowhere'"),
        ("__no*__", "there is no wildcard 'no*'"),
        ("{" * (MAX_NESTING + 2), f"braces nest deeper than {MAX_NESTING}"),
        ("x" * (MAX_TEMPLATE + 1), "more than the 100,000 allowed"),
        (
            "{2$$" + "|".join("ab" * 6_000) + "}" * 1 + "{100$$" + "|".join("a" * 20_000) + "}",
            "too many",
        ),
    ],
)
def test_a_mistake_is_one_line(text: str, message: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        compile_template(parse_template(text), wildcards=WILDCARDS)
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert refused.value.hint and len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("wildcards", "message"),
    [
        ({"a": ("__b__",), "b": ("x", "__c__"), "c": ("{__a__|y}",)}, "a → b → c → a"),
        ({"a": ("__*__",)}, "a → a"),
        ({"a": ()}, "has no entries"),
        ({"a": ("${x=1}",)}, "wildcard 'a', entry 1: an entry sets no variables"),
        ({"a": ("x", "{y")}, "wildcard 'a', entry 2, line 1: '{' is never closed"),
    ],
)
def test_wildcards_that_cannot_be_used(wildcards: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(TemplateRefused, match=message.replace("{", "\\{")):
        compile_template(parse_template("__a__"), wildcards=wildcards)


def test_a_chain_of_doublings_is_refused_before_it_fills_the_memory() -> None:
    doubling = {f"w{n}": (f"__w{n + 1}____w{n + 1}__",) for n in range(24)} | {"w24": ("",)}
    plan = compile_template(parse_template("__w0__"), wildcards=doubling)
    with pytest.raises(TemplateRefused, match="too many steps"):
        every(plan)
    long = "${a=" + "moon " * 2_000 + "}" + "${a}" * 3
    with pytest.raises(TemplateRefused, match=f"longer than the {MAX_LENGTH:,}"):
        every(compile_template(parse_template(long)))
    deep = "${a0=x}" + "".join(f"${{a{n + 1}=${{a{n}}}}}" for n in range(200)) + "${a200}"
    with pytest.raises(TemplateRefused, match="deeper than 100"):
        compile_template(parse_template(deep))


def test_long_templates_are_not_filled_for_ever() -> None:
    long = "moon " * 2_000 + "{a|b}" * 20
    plan = compile_template(parse_template(long))
    assert len(samples(plan, 100, 0)) == 100
    for many in (lambda: samples(plan, 2_000, 0), lambda: every(plan, 2_000)):
        with pytest.raises(TemplateRefused, match="too long to be filled so many times"):
            many()


def test_a_seed_gives_the_same_texts_again_and_the_first_ones_for_fewer() -> None:
    plan = compile_template(
        parse_template("a {red|blue|green|gold} {wolf|fox|owl} __season__"), {}, WILDCARDS
    )
    assert samples(plan, 8, 7) == samples(plan, 8, 7)
    assert samples(plan, 3, 7) == samples(plan, 8, 7)[:3]
    assert samples(plan, 8, 7) != samples(plan, 8, 8)
    # Held fast, because a recipe's words must not change with a new Python.
    assert samples(plan, 2, 7) == ["a red wolf autumn", "a red fox fall"]


def test_no_text_comes_twice_and_weights_count() -> None:
    plan = compile_template(parse_template("{9::a|b}"))
    assert sorted(samples(plan, 50, 1)) == ["a", "b"]
    firsts = [samples(plan, 1, seed)[0] for seed in range(400)]
    assert 320 <= firsts.count("a") <= 395


SCRAPS = (
    *("{", "}", "|", "$$", "2$$", "1-2$$", "0.5::", "${a}", "${a:", "${b=", "${b=!", "${b}", "$"),
    *("__season__", "__colours*__", "__", "_", "# c\n", "#", "\n", " ", "\\", "<lock:x>", "<lock:"),
    *("moon", "(", ")", "[", "]", ":1.3)", "a", "\ud800"),
)
TEXTS = st.lists(st.sampled_from(SCRAPS), max_size=24).map("".join) | st.text(max_size=60)


@given(TEXTS, st.integers(0, 5))
def test_any_text_is_filled_or_refused(text: str, seed: int) -> None:
    try:
        plan = compile_template(parse_template(text), {"a": "A"}, WILDCARDS)
        some = samples(plan, 3, seed)
    except TemplateRefused as refused:
        assert str(refused) and "\n" not in str(refused)
        return
    assert 1 <= len(some) <= 3
    if plan.ways <= 300:
        assert set(some) <= set(every(plan))


@pytest.mark.parametrize(
    "scrap", ["{a|b}", "a|b ", "{{a}}", "${a:b}", "__season__ ", "# c\n", "\\{", "#", "  \n", "_a"]
)
def test_four_times_the_text_is_four_times_the_work(scrap: str) -> None:
    def calls(text: str) -> int:
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            plan = compile_template(parse_template(text), {}, WILDCARDS)
            samples(plan, 1, 0)
        finally:
            sys.setprofile(None)
        return count

    length = 400 // len(scrap)
    assert calls(scrap * 4 * length) <= 4.4 * calls(scrap * length) + 200
