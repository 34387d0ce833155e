"""Tokens that know their place, chunks, and what each interpreter makes of brackets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import pytest
import torch
from tests.engines.making import draw, recipe

from maquette.core.conditioning import Lora
from maquette.core.recipe import PromptText
from maquette.engines.diffusers import DiffusersEngine
from maquette.engines.diffusers.plans import Writer
from maquette.engines.diffusers.prompts import Run, strands
from maquette.engines.diffusers.text import Texts, Token, _scaled, chunks, encode, tokenise
from maquette.engines.wording import traced_words, unknown_words
from maquette.errors import RecipeRefused, SettingRefused


def runs(text: str, step: int = 1, steps: int = 1) -> tuple[Run, ...]:
    (strand,) = strands(text, "attention", steps)[step - 1]
    return strand.runs


def told(text: str) -> list[tuple[str, float]]:
    return [(run.text, run.weight) for run in runs(text)]


class TestRuns:
    def test_weights(self) -> None:
        assert told("a (red:1.5) [boat]") == [
            ("a ", 1.0),
            ("red", 1.5),
            (" ", 1.0),
            ("boat", 1 / 1.1),
        ]

    def test_letters_know_their_place(self) -> None:
        text = r"a \(dark\) [cat:(boat:1.2):0.5] sea"
        for step in (1, 4):
            for run in runs(text, step, 4):
                assert "".join(text[place] for place in run.places) == run.text

    def test_steps(self) -> None:
        texts = ["".join(run.text for run in runs("[cat:boat:2] [a|b]", n, 4)) for n in range(1, 5)]
        assert texts == ["cat a", "cat b", "boat a", "boat b"]

    def test_equal_steps_share_their_runs(self) -> None:
        found = strands("[cat:boat:2]", "attention", 4)
        assert found[0][0].runs is found[1][0].runs and found[2][0].runs is found[3][0].runs

    def test_parts(self) -> None:
        parts = strands("a cat:0.7 AND a (boat:2)", "attention", 1)[0]
        assert [part.weight for part in parts] == [0.7, 1.0]

    def test_plain_text_keeps_its_brackets(self) -> None:
        ((only,),) = strands("a (red:1.5) [boat] AND", "plain", 1)
        assert only.runs[0].text == "a (red:1.5) [boat] AND"


class TestTokens:
    def test_places(self, engine: DiffusersEngine) -> None:
        text = "a (lighthouse:1.3), sea"
        ((*tokens,),) = tokenise(engine.parts().tokenizer, runs(text), apart=False)
        house = [token for token in tokens if token.weight == 1.3]
        assert len(house) > 1
        assert {text[token.place] for token in house} <= set("lighthouse")
        assert [token.place for token in tokens] == sorted(token.place for token in tokens)

    def test_brackets_do_not_change_the_letters(self, engine: DiffusersEngine) -> None:
        cut = [
            [
                token.number
                for token in tokenise(engine.parts().tokenizer, runs(text), apart=False)[0]
            ]
            for text in ("lighthouse", "light(house:1.2)")
        ]
        assert cut[0] == cut[1]

    def test_a_break_ends_a_stretch(self, engine: DiffusersEngine) -> None:
        stretches = tokenise(engine.parts().tokenizer, runs("a cat BREAK a boat"), apart=False)
        assert [len(stretch) for stretch in stretches] == [2, 2]


def test_chunks() -> None:
    token = Token(1, 1.0, 0)
    assert [len(chunk) for chunk in chunks([[token] * 7], 3)] == [3, 3, 1]
    assert [len(chunk) for chunk in chunks([[token], [token] * 4], 3)] == [1, 3, 1]
    assert chunks([[]], 3) == [[]]
    assert [len(chunk) for chunk in chunks([[token], []], 3)] == [1]


class TestEncoding:
    def test_one_chunk_is_what_transformers_encodes(self, engine: DiffusersEngine) -> None:
        parts = engine.parts()
        plan = Writer(parts).plan(PromptText(text="a red boat"), 1, 4.0)
        numbers = parts.tokenizer(
            "a red boat", padding="max_length", max_length=16, return_tensors="pt"
        ).input_ids
        with torch.inference_mode():
            theirs = parts.text_encoder(numbers)[0]
        assert torch.equal(plan.rows[0][0].text.context, theirs)
        assert plan.negative.context.shape == theirs.shape

    def test_long_texts_are_laid_end_to_end(self, engine: DiffusersEngine) -> None:
        plan = Writer(engine.parts()).plan(PromptText(text="boat " * 20, negative="sea"), 1, 4.0)
        text = plan.rows[0][0].text
        assert plan.length == (2,) and text.context.shape == (1, 32, 32)
        assert plan.negative.context.shape == (1, 32, 32)
        assert sum(place >= 0 for place in text.places) == 20
        assert text.places[0] == text.places[15] == text.places[16] == -1

    def test_each_text_once(self, engine: DiffusersEngine) -> None:
        writer = Writer(engine.parts())
        one, two = (writer.plan(PromptText(text="a boat"), steps, 4.0) for steps in (2, 3))
        assert one.rows[0][0] is one.rows[1][0] is two.rows[2][0]
        assert one.negative is two.negative

    def test_a1111_restores_the_mean(self, engine: DiffusersEngine) -> None:
        parts = engine.parts()
        plain, scaled = (
            Writer(parts).plan(PromptText(text=text, interpreter="a1111"), 1, 4.0).rows[0][0].text
            for text in ("a red boat", "a (red:1.4) boat")
        )
        assert not torch.equal(plain.context, scaled.context)
        torch.testing.assert_close(plain.context.mean(), scaled.context.mean())
        assert bool((scaled.weights == 1).all())

    def test_a1111_without_a_mean_stays_sane(self) -> None:
        states = torch.tensor([[[1.0, -1.0], [2.0, -2.0]]])
        weights = torch.tensor([[1.0, 2.0]])
        assert torch.equal(_scaled(states, weights), states * weights[..., None])

    def test_attention_leaves_the_embedding_alone(self, engine: DiffusersEngine) -> None:
        writer = Writer(engine.parts())
        plain, weighed = (
            writer.plan(PromptText(text=text), 1, 4.0).rows[0][0].text
            for text in ("a red boat", "a (red:1.4) boat")
        )
        assert torch.equal(plain.context, weighed.context)
        assert sorted(weighed.weights.tolist())[-1] == pytest.approx(1.4)

    def test_no_tokens_at_all(self, engine: DiffusersEngine) -> None:
        parts = engine.parts()
        empty = encode(parts.tokenizer, parts.text_encoder, [[]], count=1, interpreter="attention")
        assert set(empty.places) == {-1}


class TestWords:
    def test_traced(self) -> None:
        prompt = PromptText(text="a (full moon:1.2), café")
        words = traced_words(prompt)
        assert [(word.text, word.weight) for word in words] == [
            ("a", 1.0),
            ("full", 1.2),
            ("moon", 1.2),
            ("café", 1.0),
        ]
        assert all(prompt.text[word.start : word.end] == word.text for word in words)

    def test_traced_with_a_vocabulary(self) -> None:
        prompt = PromptText(text="a snow-white griffin, 2 cats")
        known = frozenset({"a", "snow", "white", "cats"})
        said = {word.text: word.known for word in traced_words(prompt, known)}
        assert said.pop("griffin") is False
        assert all(said.values())

    def test_unknown(self, engine: DiffusersEngine) -> None:
        able = engine.capabilities().model_copy(
            update={"vocabulary": frozenset({"a", "red", "cat"})}
        )
        prompt = PromptText(text="a Red (griffin:1.2), 2 red-cat, griffin", negative="dull cat")
        assert unknown_words(prompt, able) == ("griffin", "dull")
        assert unknown_words(prompt, engine.capabilities()) == ()


class TestRefusals:
    def test_negative_weights(self, engine: DiffusersEngine) -> None:
        with pytest.raises(SettingRefused, match=r"-0\.5"):
            engine.check(recipe(engine, "a (boat:-0.5)"))
        assert engine.check(recipe(engine, "a (boat:-0.5)", interpreter="a1111")) == ()

    def test_and_in_a_negative(self, engine: DiffusersEngine) -> None:
        with pytest.raises(RecipeRefused, match="AND"):
            engine.check(recipe(engine, "a boat", negative="cat AND sea"))

    def test_lcm_takes_few_steps(self, engine: DiffusersEngine) -> None:
        with pytest.raises(SettingRefused, match="50"):
            engine.check(recipe(engine, sampler="lcm", steps=51))


class TestSeries:
    @pytest.fixture
    def encoded(
        self, engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[list[object]]:
        """Grows with every call of the text encoder."""
        calls: list[object] = []
        monkeypatch.setattr(engine.parts().texts, "_held", OrderedDict())
        handle = engine.parts().text_encoder.register_forward_hook(lambda *it: calls.append(it))
        yield calls
        handle.remove()

    def test_its_words_are_encoded_once(
        self, engine: DiffusersEngine, encoded: list[object]
    ) -> None:
        (first,) = draw(engine, recipe(engine, "a red boat", seed=1))
        assert len(encoded) == 2, "the words and what is drawn without any"
        (other,) = draw(engine, recipe(engine, "a red boat", seed=2))
        (again,) = draw(engine, recipe(engine, "a red boat", seed=1))
        assert len(encoded) == 2
        assert again.image.tobytes() == first.image.tobytes() != other.image.tobytes()
        draw(engine, recipe(engine, "a (red:1.2) boat", seed=1))
        assert len(encoded) == 3, "other weights are another text"

    def test_another_encoder_encodes_anew(
        self, engine: DiffusersEngine, encoded: list[object]
    ) -> None:
        steered = Lora(name="ink", digest="a" * 64), Lora(name="ink", digest="a" * 64, weight=0.5)
        for told in ((), steered[:1], steered[1:], (), steered[:1]):
            Writer(engine.parts(), steered=told).plan(PromptText(text="a boat"), 1, 1.0)
        assert len(encoded) == 3
        Writer(engine.parts()).plan(PromptText(text="a boat"), 1, 1.0)
        assert len(encoded) == 4, "who does not say how the model is steered is told nothing old"

    def test_what_was_asked_for_longest_ago_goes_first(
        self, engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plan = Writer(engine.parts()).plan(PromptText(text="a boat"), 1, 1.0)
        text, texts = plan.rows[0][0].text, Texts()
        monkeypatch.setattr(Texts, "KEEP", 2 * text.nbytes)
        texts.keep(("a",), text), texts.keep(("b",), text)
        assert texts.find(("a",)) is text
        texts.keep(("c",), text)
        assert [texts.find((name,)) is text for name in "abc"] == [True, False, True]
