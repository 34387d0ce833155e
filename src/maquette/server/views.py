"""From the library's values to what goes over the wire. Pure, but for the caches."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from maquette.core.capabilities import Capabilities
from maquette.core.finding import Finding, Severity
from maquette.core.geometry import Size
from maquette.core.heat import statistics
from maquette.core.recipe import Recipe
from maquette.core.trace import Trace
from maquette.server.shapes import (
    FindingOut,
    GraphNode,
    Rating,
    SuggestionOut,
    Summary,
    TokenMaps,
    VersionDetail,
    WordOut,
)
from maquette.storage.shelf import Entry, Node

__all__ = [
    "detail",
    "finding_out",
    "node",
    "quality_of",
    "summary",
    "token_maps",
    "words_out",
]

_RANK: Mapping[Severity, int] = {"note": 0, "warning": 1, "fault": 2}


_RATINGS: Mapping[str, Rating] = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "x": "x"}


def summary(entry: Entry, able: Capabilities | None, score: float | None = None) -> Summary:
    """A version in a list, with its score in a ranked one."""
    return Summary.model_construct(
        None, **_base(entry, able), findings=len(entry.findings), score=score
    )


def detail(
    entry: Entry,
    able: Capabilities | None,
    *,
    children: Iterable[str],
    words: Sequence[WordOut],
    origin: Mapping[str, Any],
    locked: Iterable[str],
) -> VersionDetail:
    """A version with everything that is known of it."""
    version = entry.version
    return VersionDetail.model_construct(
        None,
        **_base(entry, able),
        recipe=version.recipe.model_dump(mode="json"),
        recipe_digest=version.recipe.digest,
        build=version.build,
        cost=version.cost.model_dump(mode="json"),
        findings=[finding_out(item) for item in entry.findings],
        children=list(children),
        words=list(words),
        origin=dict(origin),
        locked=list(locked),
    )


def node(found: Node) -> GraphNode:
    """A version in the graph."""
    labels = found.labels
    return GraphNode.model_construct(
        id=found.id,
        parents=list(found.parents),
        operation=found.operation,
        image=found.image,
        width=found.width,
        height=found.height,
        name=labels.name,
        star=labels.star,
        rating=_RATINGS.get(labels.rating),
        created_at=found.created_at,
    )


def finding_out(finding: Finding) -> FindingOut:
    """A finding."""
    region, remedy = finding.region, finding.suggestion
    return FindingOut(
        name=finding.name,
        critic=finding.critic,
        message=finding.message,
        severity=finding.severity,
        score=finding.score,
        words=list(finding.words),
        region=[region.x, region.y, region.width, region.height] if region else None,
        suggestion=SuggestionOut(operation=remedy.operation, says=remedy.says) if remedy else None,
    )


def words_out(trace: Trace, size: Size) -> list[WordOut]:
    """The words of a trace and what each holds of its picture."""
    return [
        WordOut(
            text=found.token.partition("#")[0],
            start=found.start,
            end=found.end,
            weight=found.weight,
            share=round(found.share, 5),
            peak=list(found.peak),
        )
        for found in statistics(trace, size)
    ]


def token_maps(trace: Trace, size: Size) -> TokenMaps:
    """All token maps, each word's in bytes of its own maximum."""
    words = words_out(trace, size)
    maps = np.nan_to_num(np.maximum(trace.maps, 0))
    if len(words) != len(trace.words):
        kept = {(word.start, word.end) for word in words}
        maps = maps[[at for at, word in enumerate(trace.words) if (word.start, word.end) in kept]]
    count, rows, columns = maps.shape
    peaks = maps.reshape(count, -1).max(axis=1) if maps.size else np.zeros(count)
    scaled = maps / np.where(peaks > 0, peaks, 1)[:, None, None] * 255
    data = np.rint(scaled).astype(np.uint8).tobytes()
    region = trace.region
    return TokenMaps(
        rows=rows,
        columns=columns,
        region=[region.x, region.y, region.width, region.height] if region else None,
        words=words,
        maximum=[round(float(peak), 6) for peak in peaks],
        data=base64.b64encode(data).decode(),
    )


def _base(entry: Entry, able: Capabilities | None) -> dict[str, Any]:
    version, labels = entry.version, entry.labels
    recipe = version.recipe
    severities: list[Severity] = [found.severity for found in entry.findings]
    prompt, sampling = recipe.prompt, recipe.sampling
    return {
        "id": version.id,
        "short": version.short,
        "parents": list(version.parents),
        "operation": version.operation,
        "width": version.size.width,
        "height": version.size.height,
        "image": version.image,
        "prompt": prompt.text if prompt else None,
        "negative": prompt.negative if prompt else None,
        "seed": sampling.seed if sampling else None,
        "quality": quality_of(version.recipe, able),
        "engine": recipe.engine,
        "model": recipe.model.name if recipe.model else None,
        "seconds": version.cost.seconds,
        "created_at": version.created_at,
        "star": labels.star,
        "rating": _RATINGS.get(labels.rating),
        "name": labels.name,
        "worst": max(severities, key=_RANK.__getitem__) if severities else None,
        "maps": version.trace is not None,
    }


def quality_of(recipe: Recipe, able: Capabilities | None) -> str | None:
    """The preset whose sampler, steps and guidance a recipe has."""
    sampling = recipe.sampling
    if sampling is None or able is None or recipe.engine != able.engine:
        return None
    asked = sampling.sampler, sampling.steps, sampling.guidance
    for name, preset in able.presets.items():
        if (preset.sampler, preset.steps, preset.guidance) == asked:
            return name
    return None
