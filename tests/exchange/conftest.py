"""A small studio's worth of versions, pictures and one signing identity for all tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from maquette.core.cost import Cost
from maquette.core.geometry import Box, Size
from maquette.core.recipe import (
    Import,
    Inpaint,
    ModelRef,
    Outpaint,
    PromptText,
    Recipe,
    Sampling,
    Task,
    TextToImage,
    Upscale,
)
from maquette.core.version import Version, make_version
from maquette.exchange.export import export_picture
from maquette.exchange.keys import Identity, load_identity

SIZE = Size(width=48, height=32)
PROMPT = "a lone (wolf:1.3) under a full moon, misty forest: 'quiet', \"deep\"\nblue hour"
NEGATIVE = "blurry, watermark"
BLOB = "ab" * 32


@dataclass(frozen=True)
class Chain:
    """Versions, oldest first."""

    versions: tuple[Version, ...]

    @property
    def last(self) -> Version:
        return self.versions[-1]


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A local identity, made once."""
    return load_identity(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Somebody else's local identity."""
    return load_identity(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A picture with some life in it."""
    image = Image.radial_gradient("L").resize((SIZE.width, SIZE.height))
    return Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image))


def make_recipe(task: Task | None = None, *, prompt: str | None = PROMPT) -> Recipe:
    """A recipe for the small model; without a prompt, work on pixels alone."""
    return Recipe(
        engine="diffusers" if prompt else "pixels",
        task=task or TextToImage(),
        size=SIZE,
        prompt=PromptText(text=prompt, negative=NEGATIVE) if prompt else None,
        model=ModelRef(name="postcard", digest="cd" * 32) if prompt else None,
        sampling=Sampling(steps=20, seed=7, guidance=5.5) if prompt else None,
    )


def make_chain(*steps: str, source: str = "") -> Chain:
    """Versions made by these operations, each from the one before."""
    versions: list[Version] = []
    start = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for number, operation in enumerate(steps):
        task: Task = {
            "import": Import(image=BLOB, source=source),
            "inpaint": Inpaint(
                image=BLOB,
                mask="ef" * 32,
                region=Box(x=4, y=5, width=16, height=12),
                work=Size(width=64, height=64),
            ),
            "outpaint": Outpaint(image=BLOB, left=8, work=Size(width=64, height=64)),
            "upscale": Upscale(image=BLOB, scale=2),
        }.get(operation, TextToImage())
        pixels_only = operation in {"import", "upscale"}
        versions.append(
            make_version(
                parents=[versions[-1].id] if versions else [],
                operation=operation,
                recipe=make_recipe(
                    task, prompt=None if pixels_only else f"step {number}, {PROMPT}"
                ),
                image=BLOB,
                size=SIZE,
                trace=None,
                build="diffusers 0.42.1",
                cost=Cost(seconds=1.5),
                created_at=start + timedelta(minutes=number),
            )
        )
    return Chain(tuple(versions))


@pytest.fixture
def chain() -> Callable[..., Chain]:
    """Makes chains: ``chain("generate", "reweight")``."""
    return make_chain


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """Makes recipes."""
    return make_recipe


@pytest.fixture
def released(picture: Image.Image, identity: Identity) -> Callable[..., bytes]:
    """Exports a chain's last version, signed by the session's identity unless told otherwise."""

    def export(steps: Sequence[str] = ("generate",), **options: object) -> bytes:
        told = make_chain(*steps)
        given = {"identity": identity, **options}
        return export_picture(picture, version=told.last, chain=told.versions, **given)  # pyright: ignore[reportArgumentType]

    return export


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for keys that does not exist yet."""
    return tmp_path / "config" / "signing"
