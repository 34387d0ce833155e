"""Reading metadata back from files: whoever wrote them, and whatever they did to them."""

from __future__ import annotations

import io
import json
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Sampling
from maquette.errors import PictureRefused
from maquette.exchange.imports import read_metadata

INFOTEXT = (
    "a fox, 狐\nNegative prompt: fog\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 9, Size: 64x48, Model: dreamy, "
    "Hires upscale: 2, Version: v1.9.4"
)


def png(picture: Image.Image, **texts: str) -> bytes:
    chunks = PngInfo()
    for key, value in texts.items():
        chunks.add_text(key, value)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def with_comment(picture: Image.Image, kind: str, comment: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    buffer = io.BytesIO()
    picture.save(buffer, kind, exif=exif)
    return buffer.getvalue()


class TestA1111:
    def test_in_a_png(self, picture: Image.Image) -> None:
        found = read_metadata(png(picture, parameters=INFOTEXT))
        assert found.source == "a1111"
        assert found.prompt == PromptText(text="a fox, 狐", negative="fog", interpreter="a1111")
        assert found.sampling == Sampling(sampler="euler-a", steps=20, guidance=7, seed=9)
        assert found.model == "dreamy"
        assert found.recipe is None
        assert found.unread == ("Hires upscale: 2",)
        assert found.credentials == "unsigned"

    @pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
    @pytest.mark.parametrize(
        "comment",
        [
            b"UNICODE\0" + INFOTEXT.encode("utf-16-be"),
            b"UNICODE\0" + INFOTEXT.encode("utf-16-le"),
            b"UNICODE\0" + INFOTEXT.encode("utf-16"),
            b"\0" * 8 + INFOTEXT.encode(),
        ],
        ids=["big", "little", "marked", "undefined"],
    )
    def test_in_a_user_comment(self, picture: Image.Image, kind: str, comment: bytes) -> None:
        found = read_metadata(with_comment(picture, kind, comment))
        assert found.source == "a1111"
        assert found.prompt is not None
        assert found.prompt.text == "a fox, 狐"
        assert found.sampling is not None


class TestComfyUI:
    def test_a_graph_in_a_png(self, picture: Image.Image) -> None:
        graph = {
            "1": {
                "class_type": "KSampler",
                "inputs": {
                    "seed": 5,
                    "steps": 12,
                    "cfg": 4,
                    "sampler_name": "lcm",
                    "scheduler": "sgm_uniform",
                    "positive": ["2", 0],
                },
            },
            "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn owl"}},
            "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
        }
        found = read_metadata(png(picture, prompt=json.dumps(graph), workflow="{}"))
        assert found.source == "comfyui"
        assert found.prompt is not None
        assert found.prompt.text == "a barn owl"
        assert found.sampling == Sampling(sampler="lcm", steps=12, guidance=4, seed=5)
        assert found.unread == ("schedule sgm_uniform",)

    def test_one_that_leads_nowhere_says_so(self, picture: Image.Image) -> None:
        found = read_metadata(png(picture, prompt="{}", workflow='{"nodes": []}'))
        assert found.source == ""
        assert found.unread == ("ComfyUI graph: no sampler that leads to a saved image",)


def test_invokeai(picture: Image.Image) -> None:
    document = {
        "generation_mode": "txt2img",
        "positive_prompt": "a pier",
        "negative_prompt": "people",
        "width": 512,
        "height": 640,
        "seed": 12,
        "steps": 30,
        "cfg_scale": 7.5,
        "scheduler": "euler_a",
        "model": {"name": "dreamshaper", "hash": "x"},
        "loras": [{"model": {"name": "film"}, "weight": 0.5}],
        "app_version": "5.0.0",
    }
    found = read_metadata(png(picture, invokeai_metadata=json.dumps(document)))
    assert found.source == "invokeai"
    assert found.prompt == PromptText(text="a pier", negative="people", interpreter="a1111")
    assert found.sampling == Sampling(sampler="euler-a", steps=30, guidance=7.5, seed=12)
    assert found.parameters is not None
    assert found.parameters.size == Size(width=512, height=640)
    assert (found.model, found.unread) == ("dreamshaper", ("LoRA film: 0.5",))


@pytest.mark.parametrize("text", ["{", "[]", "[" * 99_999])
def test_damaged_invokeai_metadata_says_so(picture: Image.Image, text: str) -> None:
    found = read_metadata(png(picture, invokeai_metadata=text))
    assert found.unread == ("InvokeAI metadata: not readable",)


class TestOurs:
    def test_an_altered_recipe_falls_back_to_the_infotext_and_says_so(
        self, released: Callable[..., bytes]
    ) -> None:
        data = released(identity=None)
        image = Image.open(io.BytesIO(data))
        texts = {key: str(image.info[key]) for key in ("maquette", "parameters")}
        texts["maquette"] = texts["maquette"].replace('"seed":7', '"seed":8')
        found = read_metadata(png(image, **texts))
        assert found.source == "a1111"
        assert found.recipe is None
        assert found.unread[0].startswith("recipe: does not match its digest")

    def test_a_broken_signature_is_told(self, released: Callable[..., bytes]) -> None:
        data = released(format="jpeg")
        found = read_metadata(data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
        assert found.credentials == "invalid"
        assert found.recipe is not None
        assert "credentials: the picture was changed after it was signed" in found.unread

    def test_pictures_without_a_prompt_give_their_recipe_too(
        self, released: Callable[..., bytes], chain: Callable
    ) -> None:
        found = read_metadata(released(("generate", "upscale")))
        assert found.recipe == chain("generate", "upscale").last.recipe
        assert (found.prompt, found.sampling, found.model) == (None, None, "")


class TestBounds:
    def test_nothing_in_a_plain_picture(self, picture: Image.Image) -> None:
        found = read_metadata(png(picture))
        assert (found.source, found.prompt, found.unread) == ("", None, ())

    def test_text_beyond_the_bound_is_ignored_and_said_so(self, picture: Image.Image) -> None:
        found = read_metadata(png(picture, parameters="x" * (2 * 1024 * 1024 + 1)))
        assert found.source == ""
        assert found.unread == ("parameters: ignored, longer than 2 MB",)

    @pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
    def test_packed_bombs_are_refused_unopened(self, picture: Image.Image, kind: bytes) -> None:
        packed = zlib.compress(b"a" * 50_000_000, 9)
        head = b"parameters\0\0" if kind == b"zTXt" else b"parameters\0\1\0\0\0"
        body = kind + head + packed
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        data = png(picture)
        start = time.perf_counter()
        with pytest.raises(PictureRefused):
            read_metadata(data[:33] + chunk + data[33:], name="bomb.png")
        assert time.perf_counter() - start < 2

    def test_a_cut_picture_still_tells_what_came_before_the_cut(self, picture: Image.Image) -> None:
        data = png(picture, parameters=INFOTEXT)
        found = read_metadata(data[:-100])
        assert found.source == "a1111"
        assert found.unread[0].startswith("the picture is damaged or cut short")

    def test_no_picture_is_refused_by_name(self) -> None:
        with pytest.raises(PictureRefused, match=r"notes\.png is not a picture"):
            read_metadata(b"notes", name="notes.png")
