"""Our own metadata gives back the exact recipe, or says why it does not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Recipe, TextToImage
from maquette.exchange.own import read_own, write_own


def test_the_recipe_comes_back_exactly(chain: Callable) -> None:
    version = chain("generate", "inpaint").last
    own = read_own(write_own(version))
    assert own is not None
    assert own.recipe == version.recipe
    assert (own.version_id, own.recipe_digest) == (version.id, version.recipe.digest)
    assert (own.parents, own.operation, own.problems) == (version.parents, "inpaint", ())


@given(st.text(st.characters(), max_size=60))
def test_any_prompt_travels_as_plain_ascii(text: str) -> None:
    recipe = Recipe(
        engine="fake",
        task=TextToImage(),
        size=Size(width=8, height=8),
        prompt=PromptText(text=text),
    )
    document = {
        "schema": 1,
        "version": "ab" * 32,
        "recipe_digest": recipe.digest,
        "recipe": recipe.model_dump(mode="json"),
    }
    own = read_own(json.dumps(document))
    assert own is not None
    assert own.recipe == recipe


def test_without_prompts_only_the_digest_is_told(chain: Callable) -> None:
    version = chain("generate").last
    text = write_own(version, prompts=False)
    assert "wolf" not in text
    own = read_own(text)
    assert own is not None
    assert own.recipe is None
    assert own.recipe_digest == version.recipe.digest
    assert own.problems == ("recipe: left out when the picture was exported",)


def test_an_altered_recipe_is_not_believed(chain: Callable) -> None:
    document = json.loads(write_own(chain("generate").last))
    document["recipe"]["sampling"]["seed"] = 8
    own = read_own(json.dumps(document))
    assert own is not None
    assert own.recipe is None
    assert own.problems == (
        "recipe: does not match its digest, so it was altered after it was written",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "recipe: written by a newer Maquette (schema 2)"),
        ({"recipe": {"schema_version": 9}}, "recipe: this recipe has schema 9"),
        ({"recipe": {"engine": 3}}, "recipe: not a recipe"),
        ({"recipe": "nonsense"}, "recipe: damaged"),
    ],
)
def test_what_cannot_be_read_is_said(chain: Callable, change: dict, said: str) -> None:
    document = json.loads(write_own(chain("generate").last)) | change
    own = read_own(json.dumps(document))
    assert own is not None
    assert own.recipe is None
    assert own.problems[0].startswith(said)


@pytest.mark.parametrize("junk", ["", "{", "[]", "{}", '{"version": 1}', "[" * 100_000, "NaN"])
def test_other_texts_are_not_ours(junk: str) -> None:
    assert read_own(junk) is None
