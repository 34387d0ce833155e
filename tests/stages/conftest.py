"""Memory storage and the fake engine: the stages know nothing but contracts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from maquette import operations
from maquette.core.recipe import Recipe
from maquette.core.version import Version
from maquette.engines.base import Engine
from maquette.engines.fake import create
from maquette.stages.order import Order
from maquette.stages.produce import produce
from maquette.storage.memory import MemoryBlobs, MemoryRecords


@dataclass
class Bench:
    """One engine, one blob store, one set of records."""

    engine: Engine
    blobs: MemoryBlobs
    records: MemoryRecords

    def recipe(self, prompt: str = "a wolf under a moon", seed: int = 1, **options: Any) -> Recipe:
        return operations.generate(
            prompt,
            capabilities=self.engine.capabilities(),
            seed=seed,
            size=(64, 64),
            quality="draft",
            **options,
        )

    def make(self, *recipes: Recipe, operation: str = "generate", **options: Any) -> list[Version]:
        parents = tuple(options.pop("parents", ()))
        maps = options.pop("maps", True)
        return produce(
            Order(operation, recipes, parents, maps),
            engine=self.engine,
            blobs=self.blobs,
            records=self.records,
            **options,
        )


@pytest.fixture
def bench() -> Bench:
    return Bench(create(), MemoryBlobs(), MemoryRecords())


@pytest.fixture
def bench_of() -> Callable[[Engine], Bench]:
    return lambda engine: Bench(engine, MemoryBlobs(), MemoryRecords())
