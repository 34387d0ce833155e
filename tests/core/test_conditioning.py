"""What steers a picture, as values."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from maquette.core.recipe import Control, Lora, ModelRef, Reference

DIGEST = "ab" * 32
NET = ModelRef(name="net", digest=DIGEST)


def test_a_lora_without_a_text_weight_is_stored_as_before_there_was_one() -> None:
    plain = Lora(name="ink", digest=DIGEST)
    assert plain.model_dump() == {
        "kind": "lora",
        "name": "ink",
        "digest": DIGEST,
        "weight": 1.0,
    }
    apart = Lora(name="ink", digest=DIGEST, text_weight=0.0)
    assert apart.model_dump()["text_weight"] == 0.0
    for each in (plain, apart):
        assert Lora.model_validate(each.model_dump(mode="json")) == each


@pytest.mark.parametrize(
    "given",
    [
        {"strength": -0.1},
        {"strength": 2.1},
        {"start": 0.5, "end": 0.5},
        {"start": 1.0},
        {"end": 0.0},
        {"condition": "mood"},
        {"image": "short"},
    ],
)
def test_a_control_out_of_its_range(given: dict[str, object]) -> None:
    whole = {"condition": "canny", "image": DIGEST, "adapter": NET}
    Control.model_validate(whole)
    with pytest.raises(ValidationError):
        Control.model_validate({**whole, **given})


def test_a_reference_needs_no_network_but_a_role() -> None:
    assert Reference(role="face", image=DIGEST).adapter is None
    with pytest.raises(ValidationError):
        Reference.model_validate({"image": DIGEST})


def test_a_reference_for_all_steps_is_stored_as_before_there_were_others() -> None:
    plain = Reference(role="style", image=DIGEST)
    assert list(plain.model_dump()) == ["kind", "role", "image", "adapter", "strength", "mask"]
    early = Reference(role="style", image=DIGEST, end=0.5)
    assert (early.model_dump()["start"], early.model_dump()["end"]) == (0.0, 0.5)
    for each in (plain, early):
        assert Reference.model_validate(each.model_dump(mode="json")) == each
    with pytest.raises(ValidationError):
        Reference(role="style", image=DIGEST, start=0.5, end=0.5)


MARKS = ((1.0, 2.0), (5.0, 2.0), (3.0, 4.5), (1.5, 6.0), (4.5, 6.0))


def test_a_face_that_is_told_has_five_marks() -> None:
    told = {"role": "face", "image": DIGEST, "adapter": NET, "recogniser": NET, "marks": MARKS}
    face = Reference.model_validate(told)
    assert Reference.model_validate(face.model_dump(mode="json")) == face
    for wrong in (
        {"marks": MARKS[:4]},
        {"marks": ()},
        {"marks": (MARKS[0],) * 5},
        {"marks": ((float("nan"), 1.0), *MARKS[1:])},
        {"role": "style"},
        {"adapter": None},
        {"recogniser": None},
    ):
        with pytest.raises(ValidationError):
            Reference.model_validate({**told, **wrong})
