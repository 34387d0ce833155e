"""Which words got too little of the picture, or too much."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from maquette import operations
from maquette.core.finding import Finding
from maquette.core.grammar import parse, words
from maquette.core.recipe import Import, PromptText
from maquette.core.trace import Trace, TracedWord
from maquette.core.version import Version
from maquette.critics.attention import Attention
from maquette.critics.base import Critic
from maquette.critics.registry import load_critics

MakeVersion = Callable[..., Version]
PICTURE = Image.new("RGB", (256, 256))
PROMPT = "a wolf on a hill under a full moon, a misty forest"
FAINT = 0.02


def blob(height: float, x: int, width: int = 8, top: int = 4) -> npt.NDArray[np.float32]:
    """Attention in a box of cells, and hardly any elsewhere."""
    plane = np.full((32, 32), 0.002, np.float32)
    plane[top : top + width, x : x + width] = height
    return plane


def traced(
    text: str, maps: dict[str, npt.NDArray[np.float32]], unknown: tuple[str, ...] = ()
) -> Trace:
    """A trace of a prompt; words without a map are faint, as little words are."""
    found = words(parse(text))
    faint = np.full((32, 32), 0.003, np.float32)
    return Trace(
        words=tuple(
            TracedWord(
                text=w.text,
                start=w.span[0],
                end=w.span[1],
                weight=w.weight,
                known=w.text not in unknown,
            )
            for w in found
        ),
        maps=np.stack([maps.get(word.text, faint) for word in found]),
    )


BALANCED = {
    "wolf": blob(0.4, 2),
    "hill": blob(0.5, 0, 14, 16),
    "full": blob(0.2, 20, 5),
    "moon": blob(0.5, 20, 5),
    "misty": blob(0.2, 12),
    "forest": blob(0.4, 10, 12, 12),
}


def look(
    make: MakeVersion, maps: dict[str, Any] | None = None, text: str = PROMPT, **recipe: Any
) -> list[Finding]:
    trace = traced(text, {**BALANCED, **(maps or {})})
    return Attention().look(make(text=text, **recipe), PICTURE, trace)


def named(findings: list[Finding]) -> list[str]:
    return [finding.name for finding in findings]


def test_all_critics_are_critics() -> None:
    assert [critic.name for critic in load_critics()] == [
        "attention",
        "vision",
        "damage",
        "faithful",
        "invented",
    ]
    assert all(isinstance(critic, Critic) for critic in load_critics())


def test_a_balanced_picture_has_no_findings(make: MakeVersion) -> None:
    assert look(make) == []


def test_a_weak_moon_is_named_with_its_remedy(make: MakeVersion) -> None:
    weak = {"moon": blob(FAINT, 20, 5), "full": blob(FAINT, 20, 5)}
    [finding] = look(make, weak)
    assert finding.name == "weak:moon" and finding.words == ("moon",)
    assert finding.severity == "warning" and 0.4 < finding.score <= 1
    suggestion = finding.suggestion
    assert suggestion is not None and suggestion.operation == "reweight"
    weight = suggestion.arguments["weights"]["moon"]
    assert 1.2 <= weight <= 1.6 and suggestion.says == f"raise moon to {weight:g}"


def test_the_remedy_can_be_carried_out(make: MakeVersion) -> None:
    [finding] = look(make, {"moon": blob(FAINT, 20, 5), "full": blob(FAINT, 20, 5)})
    assert finding.suggestion is not None
    recipe = operations.reweight(make(text=PROMPT), **finding.suggestion.arguments)
    assert recipe.prompt is not None and "(moon:1." in recipe.prompt.text


def test_a_small_bright_thing_is_not_weak(make: MakeVersion) -> None:
    assert look(make, {"moon": blob(0.6, 20, 2), "full": blob(0.02, 20, 2)}) == []


def test_weaker_is_worse(make: MakeVersion) -> None:
    scores = [
        look(make, {"moon": blob(height, 20, 5), "full": blob(FAINT, 20, 5)})[0].score
        for height in (0.15, 0.06, 0.01)
    ]
    assert all(a < b for a, b in pairwise(scores))


def test_little_words_are_never_weak(make: MakeVersion) -> None:
    assert not {"weak:a", "weak:on", "weak:under"} & set(named(look(make)))


def test_a_word_that_the_model_does_not_know_is_not_asked_to_be_raised(make: MakeVersion) -> None:
    text = PROMPT + ", a gryphon"
    assert "weak:gryphon" in named(look(make, text=text))
    trace = traced(text, BALANCED, unknown=("gryphon",))
    assert Attention().look(make(text=text), PICTURE, trace) == []


def test_an_adjective_is_judged_with_its_noun(make: MakeVersion) -> None:
    assert look(make, {"misty": blob(0.004, 12), "full": blob(0.004, 20)}) == []


def test_a_weight_is_reckoned_with(make: MakeVersion) -> None:
    weak = {"moon": blob(FAINT, 20, 5), "full": blob(FAINT, 20, 5)}
    raised = look(make, weak, PROMPT.replace("full moon", "full (moon:1.2)"))[0]
    assert raised.suggestion is not None
    assert 1.4 <= raised.suggestion.arguments["weights"]["moon"] <= 2
    most = look(make, weak, PROMPT.replace("full moon", "full (moon:2)"))[0]
    assert most.suggestion is None and "although it weighs 2" in most.message
    lowered = look(make, weak, PROMPT.replace("full moon", "full (moon:0.5)"))
    assert lowered == [], "whoever turns a word down wants it weak"


def test_a_strong_forest_is_named_where_it_crowds_others_out(make: MakeVersion) -> None:
    large = {"forest": blob(0.5, 0, 26), "hill": blob(0.4, 2), "moon": blob(0.4, 20, 4)}
    assert look(make, large) == [], "a large thing holds much, and nothing else suffers"
    weak = {"moon": blob(FAINT, 20, 5), "full": blob(FAINT, 20, 5)}
    found = {finding.name: finding for finding in look(make, large | weak)}
    assert set(found) == {"weak:moon", "strong:forest"}
    strong = found["strong:forest"]
    assert strong.severity == "warning" and strong.suggestion is not None
    assert strong.suggestion.arguments == {"weights": {"forest": 0.8}}
    assert strong.suggestion.says == "lower forest to 0.8"
    assert look(make, large | weak)[0].name == "weak:moon"


def test_what_was_made_strong_on_purpose_is_no_finding(make: MakeVersion) -> None:
    maps = {
        "forest": blob(0.5, 0, 26),
        "moon": blob(FAINT, 20, 5),
        "full": blob(FAINT, 20, 5),
    }
    text = PROMPT.replace("misty forest", "misty (forest:1.5)")
    assert named(look(make, maps, text)) == ["weak:moon"]


def test_a_map_without_a_peak_is_a_note(make: MakeVersion) -> None:
    text = PROMPT + ", watercolour"
    random = np.random.default_rng(0)
    wash = (0.2 + 0.02 * random.random((32, 32))).astype(np.float32)
    findings = look(make, {"watercolour": wash}, text)
    assert named(findings) == ["scattered:watercolour"]
    assert findings[0].severity == "note" and findings[0].suggestion is None


def test_a_style_competes_with_nothing(make: MakeVersion) -> None:
    wash = np.full((32, 32), 0.5, np.float32)
    weak = {"moon": blob(FAINT, 20, 5), "full": blob(FAINT, 20, 5)}
    plain = look(make, weak)
    styled = look(make, {"watercolour": wash, **weak}, PROMPT + ", watercolour")
    assert styled[0].name == plain[0].name == "weak:moon"
    assert styled[0].message == plain[0].message


def test_a_faint_map_without_a_peak_is_weak_not_a_style(make: MakeVersion) -> None:
    faint = np.full((32, 32), 0.004, np.float32)
    assert named(look(make, {"moon": faint, "full": faint})) == ["weak:moon"]


def test_brackets_do_not_part_a_phrase_but_commas_do(make: MakeVersion) -> None:
    gone = {"full": blob(0.001, 20)}
    for text in ("a (full:0.9) moon", "a full (moon:1.1)", "a ((full) moon)", "a full moon"):
        assert look(make, gone, f"a wolf on a hill, {text}") == []
    assert "weak:full" in named(look(make, gone, "a wolf on a hill, full, moon"))


def test_another_captions_words_are_judged_too(make: MakeVersion) -> None:
    trace = traced(PROMPT, BALANCED | {"moon": blob(FAINT, 20), "full": blob(FAINT, 20)})
    findings = Attention().look(make(text="a"), PICTURE, trace)
    assert named(findings) == ["weak:moon"]


def test_a_word_that_comes_twice_is_told_apart(make: MakeVersion) -> None:
    text = "a red moon, a wolf, a hill, a blue moon"
    trace = traced(text, BALANCED)
    trace.maps[-1] = FAINT / 10
    trace.maps[-2] = FAINT / 10
    finding = Attention().look(make(text=text), PICTURE, trace)[0]
    assert finding.name == "weak:moon#2" and finding.suggestion is not None
    recipe = operations.reweight(make(text=text), **finding.suggestion.arguments)
    assert recipe.prompt is not None and recipe.prompt.text.startswith("a red moon, a wolf")


def test_no_more_than_three_of_a_kind(make: MakeVersion) -> None:
    names = ["cat", "boat", "mug", "lamp", "book", "vase", "tree", "house", "apple"]
    text = ", ".join(names)
    maps = {name: blob(0.5 if n < 5 else 0.01, 3 * n) for n, name in enumerate(names)}
    findings = look(make, maps, text)
    assert len([name for name in named(findings) if name.startswith("weak")]) == 3
    assert len(set(named(findings))) == len(findings)


def test_without_maps_there_is_nothing_to_say(make: MakeVersion) -> None:
    assert Attention().look(make(), PICTURE, None) == []
    empty = Trace(words=(), maps=np.zeros((0, 4, 4), np.float32))
    assert Attention().look(make(), PICTURE, empty) == []
    silent = traced("a wolf on a hill", {})
    silent.maps[:] = 0
    assert Attention().look(make(), PICTURE, silent) == []


def test_one_word_alone_competes_with_nobody(make: MakeVersion) -> None:
    assert look(make, {"wolf": blob(0.01, 3)}, "a wolf") == []


@pytest.mark.parametrize(
    "recipe",
    [
        {"task": Import(image="a" * 64)},
        {"prompt": PromptText(text=PROMPT, interpreter="plain")},
        {"prompt": None},
    ],
)
def test_no_remedy_where_none_would_work(make: MakeVersion, recipe: dict[str, Any]) -> None:
    [finding] = look(make, {"moon": blob(FAINT, 20, 5), "full": blob(FAINT, 20, 5)}, **recipe)
    assert finding.name == "weak:moon" and finding.suggestion is None
