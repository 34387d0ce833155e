"""Releases in three formats: described, labelled, signed, and silent about prompts on request."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import zlib
from collections.abc import Callable
from typing import Any

import c2pa
import pytest
from PIL import Image

from maquette.core.picture import encode_png
from maquette.errors import ExportRefused
from maquette.exchange.containers import read_texts
from maquette.exchange.credentials import offline
from maquette.exchange.export import Mark, describe_png, export_picture
from maquette.exchange.imports import read_metadata
from maquette.exchange.keys import Identity
from maquette.exchange.verify import verify
from maquette.exchange.xmp import COMPOSITE, TRAINED

FORMATS = ["png", "jpeg", "webp"]
every_format = pytest.mark.parametrize("form", FORMATS)
SECRETS = ["wolf", "moon", "misty", "blue hour", "blurry", "watermark"]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def everything(data: bytes) -> bytes:
    """A file's bytes, and all that is packed inside: deflated streams, base64, UTF-16."""
    found = [data]
    for at in (
        match.start() for match in re.finditer(rb"[\x08\x18\x28\x38\x48\x58\x68\x78].", data)
    ):
        unpacked = zlib.decompressobj()
        try:
            found.append(unpacked.decompress(data[at:], 1 << 20))
        except zlib.error:
            continue
    for match in re.finditer(rb"[A-Za-z0-9+/]{16,}={0,2}", data):
        text = match[0][: len(match[0]) // 4 * 4]
        found.append(base64.b64decode(text))
    return b"\n".join(found)


def holds(data: bytes, words: list[str]) -> list[str]:
    """Which of the words are anywhere in the bytes, in any usual encoding."""
    codecs = ("utf-8", "utf-16-le", "utf-16-be")
    return [
        word
        for word in words
        if any(
            form.encode(codec) in data
            for form in (word, word.upper(), word.replace(" ", "%20"))
            for codec in codecs
        )
    ]


@every_format
class TestEveryFormat:
    def test_the_recipe_comes_back_exactly(
        self, released: Callable[..., bytes], chain: Callable, form: str
    ) -> None:
        found = read_metadata(released(("generate", "reweight"), format=form))
        version = chain("generate", "reweight").last
        assert found.source == "maquette"
        assert found.recipe == version.recipe
        assert found.recipe is not None
        assert found.recipe.digest == version.recipe.digest
        assert found.version_id == version.id
        assert found.prompt == version.recipe.prompt
        assert found.sampling == version.recipe.sampling
        assert (found.model, found.unread, found.credentials) == ("postcard", (), "valid")

    def test_it_verifies_and_is_trusted_with_its_anchor(
        self, released: Callable[..., bytes], identity: Identity, form: str
    ) -> None:
        data = released(format=form)
        trusted = verify(data, identity.anchor_pem)
        assert (trusted.state, trusted.problems) == ("trusted", ())
        known = verify(data)
        assert known.state == "valid"
        assert known.problems == ("signed by someone who is not on your list of trusted signers",)
        assert known.signer == "Maquette local signing"
        assert known.signed_at is None
        assert known.generator.startswith("Maquette ")

    def test_other_programs_find_their_infotext(
        self, released: Callable[..., bytes], form: str
    ) -> None:
        text = read_texts(released(format=form)).texts["parameters"]
        assert text.startswith("step 0, a lone (wolf:1.3) under a full moon")
        assert "\nNegative prompt: blurry, watermark\nSteps: 20, Sampler: DDIM" in text

    def test_the_ai_label_is_in_xmp_for_those_who_read_no_credentials(
        self, released: Callable[..., bytes], form: str
    ) -> None:
        unsigned = released(format=form, identity=None)
        verdict = verify(unsigned)
        assert (verdict.state, verdict.digital_source_type) == ("unsigned", TRAINED)
        assert read_texts(unsigned).xmp["xmp:CreatorTool"].startswith("Maquette ")

    def test_without_prompts_no_word_of_them_is_anywhere(
        self, released: Callable[..., bytes], form: str, picture: Image.Image
    ) -> None:
        steps = ("generate", "reweight", "inpaint", "upscale", "rollback", "vary")
        told = everything(released(steps, format=form, parent_image=picture))
        assert holds(told, SECRETS) == SECRETS, "the search itself must be able to find them"
        silent = released(steps, format=form, prompts=False, parent_image=picture)
        assert holds(everything(silent), SECRETS) == []
        found = read_metadata(silent)
        assert (found.prompt, found.recipe, found.source) == (None, None, "maquette")
        assert found.version_id
        assert found.unread == ("recipe: left out when the picture was exported",)

    def test_the_history_stays_when_prompts_go(
        self, released: Callable[..., bytes], form: str, chain: Callable
    ) -> None:
        verdict = verify(released(("generate", "reweight"), format=form, prompts=False))
        digests = [action.details["recipe_digest"] for action in verdict.actions]
        versions = chain("generate", "reweight").versions
        assert digests == [version.recipe.digest for version in versions]

    def test_the_colour_profile_is_srgb(self, released: Callable[..., bytes], form: str) -> None:
        profile = opened(released(format=form)).info["icc_profile"]
        assert b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile

    def test_transparency_is_kept_where_it_can_be_and_white_elsewhere(
        self, identity: Identity, chain: Callable, form: str, picture: Image.Image
    ) -> None:
        clear = Image.new("RGBA", picture.size, (255, 0, 0, 0))
        told = chain("generate")
        data = export_picture(
            clear, version=told.last, chain=told.versions, format=form, identity=identity
        )
        image = opened(data)
        if form == "jpeg":
            assert image.mode == "RGB"
            assert min(image.getpixel((9, 9))) > 250  # pyright: ignore
        else:
            assert image.getchannel("A").getextrema() == (0, 0)

    def test_the_same_release_has_the_same_bytes_until_it_is_signed(
        self, released: Callable[..., bytes], form: str
    ) -> None:
        assert released(format=form, identity=None) == released(format=form, identity=None)

    def test_what_the_picture_carried_in_memory_is_not_carried_along(
        self, identity: Identity, chain: Callable, form: str, picture: Image.Image
    ) -> None:
        laden = picture.copy()
        laden.info |= {"comment": b"private note", "Title": "private note", "dpi": (72, 72)}
        laden.getexif()[0x010E] = "private note"
        told = chain("generate")
        data = export_picture(
            laden, version=told.last, chain=told.versions, format=form, identity=identity
        )
        assert holds(everything(data), ["private note"]) == []


def test_png_keeps_every_pixel(released: Callable[..., bytes], picture: Image.Image) -> None:
    assert opened(released()).tobytes() == picture.tobytes()


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_quality_decides_size(released: Callable[..., bytes], form: str) -> None:
    low, high = (released(format=form, quality=q, identity=None) for q in (20, 95))
    assert len(low) < len(high)


class TestTheHistory:
    def test_it_is_told_in_order_from_the_oldest_ancestor(
        self, released: Callable[..., bytes], chain: Callable, picture: Image.Image
    ) -> None:
        steps = ("generate", "reweight", "inpaint", "outpaint", "upscale", "rollback", "vary")
        verdict = verify(released(steps, parent_image=picture))
        assert [action.action for action in verdict.actions] == [
            "c2pa.created",
            "c2pa.edited",
            "c2pa.edited",
            "c2pa.edited",
            "c2pa.resized",
            "c2pa.edited",
            "c2pa.edited",
        ]
        versions = chain(*steps).versions
        assert [action.details["version"] for action in verdict.actions] == [
            version.short for version in versions
        ]
        whens = [action.when for action in verdict.actions]
        assert whens[0] == "2026-05-01T12:00:00Z"
        assert whens == sorted(whens)
        assert verdict.actions[0].software == "Maquette, engine diffusers"
        assert verdict.actions[0].details["prompt"].startswith("step 0, a lone (wolf:1.3)")
        assert verdict.actions[0].details["negative_prompt"] == "blurry, watermark"
        assert verdict.actions[4].description == "enlarged by interpolation (lanczos) to 48x32"
        taken_up = f"an earlier version was taken up again: {versions[4].short}"
        assert verdict.actions[5].description == taken_up
        assert all(action.description for action in verdict.actions)
        assert verdict.digital_source_type == TRAINED

    def test_the_parents_picture_is_an_input(
        self, released: Callable[..., bytes], chain: Callable, picture: Image.Image
    ) -> None:
        for given in (picture, encode_png(picture)):
            (ingredient,) = verify(released(("generate", "vary"), parent_image=given)).ingredients
            assert ingredient.relationship == "inputTo"
            assert ingredient.title == f"version {chain('generate', 'vary').versions[0].short}"

    def test_an_inpainted_region_is_told_in_pixels(self, released: Callable[..., bytes]) -> None:
        manifest = active_manifest(released(("generate", "inpaint")))
        (change,) = actions_of(manifest)[1]["changes"]
        assert change["region"][0]["shape"] == {
            "type": "rectangle",
            "unit": "pixel",
            "origin": {"x": 4, "y": 5},
            "width": 16,
            "height": 12,
        }

    def test_what_we_state_is_stated_as_our_own(
        self, released: Callable[..., bytes], picture: Image.Image
    ) -> None:
        data = released(("generate", "vary"), parent_image=picture)
        with offline() as context, c2pa.Reader("image/png", io.BytesIO(data), context=context) as r:
            report = json.loads(r.detailed_json())
        claim = report["manifests"][report["active_manifest"]]["claim"]
        stated = {item["url"].rpartition("/")[2] for item in claim["created_assertions"]}
        assert stated >= {
            "self#jumbf=c2pa.assertions/c2pa.actions.v2".rpartition("/")[2],
            "c2pa.ingredient.v3",
            "c2pa.hash.data",
        }
        assert not claim.get("gathered_assertions")

    def test_no_thumbnail_swells_the_file(
        self, released: Callable[..., bytes], picture: Image.Image
    ) -> None:
        told = {"parent_image": picture}
        growth = len(released(**told)) - len(released(identity=None))
        assert growth < 20_000

    def test_marks_are_put_on_before_encoding_and_told(
        self, released: Callable[..., bytes]
    ) -> None:
        mark = Mark("corner", lambda image: Image.new(image.mode, image.size, "red"))
        data = released(marks=[mark])
        assert opened(data).getpixel((0, 0)) == (255, 0, 0)
        last = verify(data).actions[-1]
        assert last.action == "c2pa.watermarked.unbound"
        assert last.description == "an invisible mark was put into the pixels: corner"


def active_manifest(data: bytes) -> dict:
    with (
        offline() as context,
        c2pa.Reader("image/png", io.BytesIO(data), context=context) as reader,
    ):
        report = json.loads(reader.json())
    return report["manifests"][report["active_manifest"]]


def actions_of(manifest: dict) -> list[dict]:
    (assertion,) = [a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions")]
    assert assertion["data"]["allActionsIncluded"] is True
    return assertion["data"]["actions"]


@every_format
class TestImportedPictures:
    def test_ai_work_on_them_makes_a_composite(
        self, released: Callable[..., bytes], form: str, identity: Identity, picture: Image.Image
    ) -> None:
        original = photograph(picture)
        data = released(("import", "inpaint"), format=form, original=original)
        verdict = verify(data, identity.anchor_pem)
        assert verdict.state == "trusted"
        assert [action.action for action in verdict.actions] == ["c2pa.opened", "c2pa.edited"]
        assert verdict.actions[1].digital_source_type == COMPOSITE
        assert verdict.digital_source_type == COMPOSITE
        (ingredient,) = verdict.ingredients
        assert (ingredient.relationship, ingredient.signed) == ("parentOf", False)
        assert COMPOSITE in read_texts(data).xmp["Iptc4xmpExt:DigitalSourceType"]

    def test_work_on_pixels_alone_makes_no_ai_picture(
        self, released: Callable[..., bytes], form: str, picture: Image.Image
    ) -> None:
        data = released(("import", "upscale"), format=form, parent_image=picture)
        verdict = verify(data)
        assert verdict.digital_source_type is None
        assert b"trainedAlgorithmic" not in everything(data)

    def test_an_ai_picture_from_elsewhere_stays_one(
        self, released: Callable[..., bytes], form: str
    ) -> None:
        original = released(("generate",), identity=None)
        for steps in (("import",), ("import", "upscale"), ("import", "inpaint")):
            data = released(steps, format=form, original=original)
            assert verify(data).digital_source_type == TRAINED

    def test_its_own_credentials_live_on(
        self, released: Callable[..., bytes], form: str, stranger: Identity, identity: Identity
    ) -> None:
        original = released(("generate",), format="jpeg", identity=stranger)
        data = released(("import", "inpaint", "upscale"), format=form, original=original)
        verdict = verify(data, identity.anchor_pem)
        assert verdict.state == "trusted"
        assert verdict.ingredients[0].signed
        assert verdict.problems == (
            "in an earlier picture of its history:"
            " signed by someone who is not on your list of trusted signers",
        )
        assert verify(data, identity.anchor_pem + stranger.anchor_pem).problems == ()

    def test_its_prompts_do_not_slip_in_with_its_credentials(
        self, released: Callable[..., bytes], form: str, stranger: Identity
    ) -> None:
        original = released(("generate",), identity=stranger)
        steps = ("import", "upscale")
        told = released(steps, format=form, original=original)
        assert "wolf" in holds(everything(told), SECRETS)
        silent = released(steps, format=form, original=original, prompts=False)
        assert holds(everything(silent), SECRETS) == []

    def test_a_broken_history_of_an_original_is_told(
        self, released: Callable[..., bytes], form: str, stranger: Identity
    ) -> None:
        original = bytearray(released(("generate",), format="jpeg", identity=stranger))
        original[-100] ^= 1
        verdict = verify(released(("import", "inpaint"), format=form, original=bytes(original)))
        assert (
            "in an earlier picture of its history: the picture was changed after it was signed"
        ) in verdict.problems

    def test_without_its_file_it_is_still_named(
        self, released: Callable[..., bytes], form: str
    ) -> None:
        for steps in (("import",), ("import", "inpaint", "upscale")):
            verdict = verify(released(steps, format=form))
            assert verdict.ingredients[0].relationship == "parentOf"
            assert verdict.state == "valid"


def test_what_another_program_said_of_an_import_counts(
    picture: Image.Image, chain: Callable, identity: Identity
) -> None:
    told = chain("import", "upscale", source="a1111")
    data = export_picture(picture, version=told.last, chain=told.versions, identity=identity)
    assert verify(data).digital_source_type == TRAINED


def photograph(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF"])
def test_originals_of_any_format_are_ingredients(
    released: Callable[..., bytes], picture: Image.Image, kind: str
) -> None:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    verdict = verify(released(("import", "inpaint"), original=buffer.getvalue()))
    assert (verdict.state, len(verdict.ingredients)) == ("valid", 1)


class TestRefusals:
    def test_a_history_with_holes(
        self, chain: Callable, picture: Image.Image, identity: Identity
    ) -> None:
        first, second, third = chain("generate", "vary", "inpaint").versions
        for broken in ((), (third,), (first, third), (second, first, third), (first, second)):
            with pytest.raises(ExportRefused, match="the history of") as refused:
                export_picture(picture, version=third, chain=broken, identity=identity)
            assert "oldest first" in refused.value.hint

    def test_another_pictures_pixels(self, chain: Callable) -> None:
        told = chain("generate")
        with pytest.raises(ExportRefused, match="9x9 pixels"):
            export_picture(Image.new("RGB", (9, 9)), version=told.last, chain=told.versions)

    @pytest.mark.parametrize("wrong", [{"format": "gif"}, {"quality": 0}, {"quality": 101}])
    def test_settings_out_of_range(self, released: Callable[..., bytes], wrong: dict) -> None:
        with pytest.raises(ExportRefused):
            released(**wrong)

    def test_prompts_that_a_jpeg_has_no_room_for(
        self, picture: Image.Image, recipe: Callable, chain: Callable
    ) -> None:
        long = chain("generate").last
        wordy = long.model_copy(update={"recipe": recipe(prompt="very " * 10_000)})
        with pytest.raises(ExportRefused, match="too long") as refused:
            export_picture(picture, version=wordy, chain=[wordy], format="jpeg")
        assert "PNG" in refused.value.hint
        assert export_picture(picture, version=wordy, chain=[wordy], format="webp")
        assert export_picture(picture, version=wordy, chain=[wordy], format="png")

    def test_a_key_that_breaks_down_writes_nothing(
        self, released: Callable[..., bytes], identity: Identity
    ) -> None:
        def fail(claim: bytes) -> bytes:
            raise RuntimeError("the key service is away")

        broken = Identity(**{**vars(identity), "sign": fail})
        with pytest.raises(ExportRefused, match="could not be signed"):
            released(identity=broken)

    def test_a_signature_by_another_key_is_not_handed_out(
        self, released: Callable[..., bytes], identity: Identity, stranger: Identity
    ) -> None:
        mixed = Identity(**{**vars(identity), "sign": stranger.sign})
        with pytest.raises(ExportRefused):
            released(identity=mixed)


def test_prompts_with_halves_of_characters_and_controls_are_signed(
    picture: Image.Image, recipe: Callable, chain: Callable, identity: Identity
) -> None:
    version = chain("generate").last
    odd = version.model_copy(update={"recipe": recipe(prompt="fox \ud83e \x00\x07 狐 \U0001f98a")})
    for form in FORMATS:
        data = export_picture(picture, version=odd, chain=[odd], format=form, identity=identity)
        found = read_metadata(data)
        assert found.recipe == odd.recipe
        assert found.credentials == "valid"


def test_several_imports_in_one_history(
    picture: Image.Image, chain: Callable, identity: Identity
) -> None:
    one, two = chain("import").last, chain("import", source="elsewhere").last
    base = chain("generate", "inpaint").last
    both = base.model_copy(update={"parents": (one.id, two.id)})
    data = export_picture(picture, version=both, chain=[one, two, both], identity=identity)
    verdict = verify(data, identity.anchor_pem)
    assert verdict.state == "trusted"
    assert [action.action for action in verdict.actions] == [
        "c2pa.opened",
        "c2pa.placed",
        "c2pa.edited",
    ]
    assert [item.relationship for item in verdict.ingredients] == ["parentOf", "componentOf"]
    assert len({version.id for version in itertools.chain([one, two, both])}) == 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_png_is_described_without_touching_its_pixels(
    chain: Callable[..., Any], picture: Image.Image, mode: str
) -> None:
    told = chain("generate", "reweight")
    version, history = told.last, told.versions
    mine = encode_png(picture.convert(mode))
    quick = describe_png(mine, version=version, chain=history)
    slow = export_picture(picture.convert(mode), version=version, chain=history)
    assert opened(quick).tobytes() == opened(slow).tobytes()
    assert opened(quick).info == opened(slow).info
    assert read_metadata(quick) == read_metadata(slow)
    assert mine[33:] in quick, "the compressed pixels are the same bytes"
    with pytest.raises(ExportRefused):
        describe_png(mine, version=version, chain=history[:-1])
