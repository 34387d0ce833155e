"""The OpenAI Images API, by its own client, unmodified."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image, ImageDraw

from maquette.core.picture import encode_png
from maquette.exchange.imports import read_metadata
from maquette.storage.origin import origins_of

from .conftest import House


@pytest.fixture
def client(house: House) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{house.base}/v1", api_key="any", timeout=60) as client:
        yield client


def picture(text: str | None) -> Image.Image:
    assert text is not None
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    return image


def hole(size: tuple[int, int], box: tuple[int, int, int, int]) -> bytes:
    """A mask in that API's way: transparent where it is to be drawn."""
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle(box, (0, 0, 0, 0))
    return encode_png(mask)


def test_a_picture_is_a_version_with_its_recipe(house: House, client: openai.OpenAI) -> None:
    raw = client.images.with_raw_response.generate(
        prompt="a lone wolf", model="gpt-image-2", quality="low", extra_body={"seed": 7}, user="ann"
    )
    answer = raw.parse()
    assert raw.headers["x-request-id"].startswith("req_")
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert answer.data is not None and answer.usage is None
    assert (answer.size, answer.quality, answer.output_format) == ("256x256", "low", "png")
    (version,) = house.studio.log()
    assert version.recipe.prompt is not None and version.recipe.prompt.text == "a lone wolf"
    assert version.recipe.sampling is not None and version.recipe.sampling.seed == 7
    got = picture(answer.data[0].b64_json)
    assert got.tobytes() == house.studio.picture(version).tobytes()
    assert read_metadata(base64.b64decode(answer.data[0].b64_json or "")).version_id == version.id
    told = origins_of(house.studio.records, [version.id])[version.id]
    assert told == {"face": "openai", "model": "gpt-image-2", "user": "ann"}


def test_a_size_beyond_the_model_is_drawn_in_its_shape_and_enlarged(
    house: House, client: openai.OpenAI
) -> None:
    answer = client.images.generate(
        prompt="a boat", size="1536x1024", n=2, output_format="jpeg", quality="low"
    )
    assert answer.data is not None and answer.size == "1536x1024"
    assert [picture(each.b64_json).size for each in answer.data] == [(1536, 1024)] * 2
    assert {picture(each.b64_json).format for each in answer.data} == {"JPEG"}
    operations = [version.operation for version in house.studio.log()]
    assert sorted(operations) == ["generate", "generate", "upscale", "upscale"]


def test_links_are_open_for_a_while_and_only_as_given(client: openai.OpenAI) -> None:
    answer = client.images.generate(prompt="a hill", model="dall-e-3", quality="standard")
    assert answer.data is not None
    link = answer.data[0].url
    assert link is not None and answer.data[0].b64_json is None
    with httpx2.Client() as plain:
        got = plain.get(link)
        assert got.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(got.content)).size == (256, 256)
        assert plain.get(link[:-1] + ("0" if link[-1] != "0" else "1")).status_code == 403


def test_an_edit_keeps_every_pixel_that_its_mask_covers(
    house: House, client: openai.OpenAI
) -> None:
    first = client.images.generate(prompt="a wolf", quality="low")
    assert first.data is not None
    data = base64.b64decode(first.data[0].b64_json or "")
    edited = client.images.edit(
        image=("wolf.png", data),
        mask=("mask.png", hole((256, 256), (64, 64, 191, 191))),
        prompt="misty mountains",
        quality="low",
    )
    assert edited.data is not None
    before, after = picture(first.data[0].b64_json), picture(edited.data[0].b64_json)
    inside = (64, 64, 192, 192)
    assert before.crop(inside).tobytes() != after.crop(inside).tobytes()
    for box in ((0, 0, 256, 64), (0, 192, 256, 256), (0, 64, 64, 192), (192, 64, 256, 192)):
        assert before.crop(box).tobytes() == after.crop(box).tobytes()
    inpaint, wolf = house.studio.log()
    assert inpaint.operation == "inpaint"
    assert inpaint.parents == (wolf.id,), "its own picture came back as the version that it is"


def test_without_a_mask_the_whole_picture_is_drawn_anew(
    house: House, client: openai.OpenAI
) -> None:
    photo = encode_png(Image.effect_noise((320, 256), 60).convert("RGB"))
    client.images.edit(image=photo, prompt="a wolf", quality="low", size="auto", n=2)
    with pytest.deprecated_call():  # of the vendor's; this server goes on with it
        near = client.images.create_variation(image=photo, n=1, response_format="b64_json")
    assert near.data is not None
    assert picture(near.data[0].b64_json).size == (320, 256)
    made = house.studio.log()
    assert [each.operation for each in made] == ["vary", "vary", "vary", "import"]
    assert {each.parents for each in made[:3]} == {(made[3].id,)}


def test_a_mask_without_transparency_or_of_another_size_is_refused(client: openai.OpenAI) -> None:
    photo = encode_png(Image.new("RGB", (256, 256), "teal"))
    for mask, code in (
        (photo, "invalid_mask_image_format"),
        (hole((64, 64), (0, 0, 9, 9)), "invalid_mask_image_size"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.images.edit(image=photo, mask=mask, prompt="a wolf")
        assert (refused.value.code, refused.value.param) == (code, "mask")


def test_pictures_are_streamed(client: openai.OpenAI) -> None:
    events: list[Any] = list(
        client.images.generate(
            prompt="a moon", stream=True, partial_images=2, size="512x512", quality="high"
        )
    )
    assert events[-1].type == "image_generation.completed"
    assert {each.type for each in events[:-1]} <= {"image_generation.partial_image"}
    assert [each.partial_image_index for each in events[:-1]] == list(range(len(events) - 1))
    assert {picture(each.b64_json).size for each in events} == {(512, 512)}
    assert events[-1].usage.total_tokens == 0 and events[-1].size == "512x512"


def test_an_edit_is_streamed_by_the_asynchronous_client(house: House) -> None:
    async def ask() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=f"{house.base}/v1", api_key="any") as client:
            stream = await client.images.edit(
                image=encode_png(Image.new("RGB", (256, 256), "teal")),
                prompt="a wolf",
                quality="low",
                stream=True,
            )
            return [event async for event in stream]

    (done,) = asyncio.run(ask())
    assert done.type == "image_edit.completed"
    assert picture(done.b64_json).size == (256, 256)


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"prompt": "a wolf", "n": 11}, "integer_above_max_value", "n"),
        ({"prompt": "a wolf", "size": "big"}, "invalid_value", "size"),
        ({"prompt": ""}, "empty_string", "prompt"),
        ({"prompt": "a wolf", "background": "transparent"}, "invalid_value", "background"),
        ({"prompt": "a wolf", "extra_body": {"colour": "red"}}, "unknown_parameter", "colour"),
        ({"prompt": "a wolf", "extra_body": {"sampler": "heun"}}, "setting_refused", None),
    ],
)
def test_what_cannot_be_done_is_said_as_that_api_does(
    house: House, client: openai.OpenAI, given: dict[str, Any], code: str, param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(**given)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id is not None
    assert house.studio.jobs() == []


def test_models_are_listed_by_their_names(client: openai.OpenAI) -> None:
    assert next(iter(client.models.list())).id == "fake", "the default comes first"
    assert client.models.retrieve("fake").owned_by == "maquette"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")
    with pytest.raises(openai.NotFoundError) as refused:
        client.images.generate(prompt="a wolf", model="sdxl")
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="fake", messages=[])
    assert unknown.value.code == "unknown_url"


def test_a_project_may_be_named_by_the_clients_own_argument(house: House) -> None:
    with openai.OpenAI(
        base_url=f"{house.server.address}/v1", api_key="any", project=house.project
    ) as client:
        client.images.generate(prompt="a wolf", quality="low")
    assert len(house.studio.log()) == 1
    with (
        openai.OpenAI(
            base_url=f"{house.server.address}/v1", api_key="any", project="none-such"
        ) as client,
        pytest.raises(openai.NotFoundError),
    ):
        client.images.generate(prompt="a wolf")


def test_many_at_once_are_all_answered_and_drawn_in_their_order(house: House) -> None:
    async def ask() -> list[str | None]:
        async with openai.AsyncOpenAI(
            base_url=f"{house.base}/v1", api_key="any", max_retries=0, timeout=120
        ) as client:
            answers = await asyncio.gather(
                *(
                    client.images.generate(
                        prompt="a boat", size="64x64", quality="low", extra_body={"seed": seed}
                    )
                    for seed in range(16)
                )
            )
        return [answer.data[0].b64_json for answer in answers if answer.data]

    assert len(set(asyncio.run(ask()))) == 16
    queued = [job.version for job in reversed(house.studio.jobs())]
    assert [version.id for version in reversed(house.studio.log())] == queued
