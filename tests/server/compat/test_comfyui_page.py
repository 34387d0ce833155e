"""docs/comfyui.md lists exactly the nodes that there are; what some of them mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maquette.errors import RecipeRefused
from maquette.server.compat.comfyui.drawing import condition_of
from maquette.server.compat.comfyui.nodes import NODES
from maquette.server.compat.comfyui.pixels import IMAGES, MASKS
from maquette.server.compat.comfyui.values import Net
from maquette.server.compat.comfyui.wiring import HOSTED, PLAIN

PAGE = Path(__file__).parents[3] / "docs" / "comfyui.md"
OWN = {
    *("KSampler", "KSamplerAdvanced", "SamplerCustomAdvanced", "ImageUpscaleWithModel"),
    *("SaveImage", "PreviewImage", "SaveImageWebsocket"),
}


def test_the_page_lists_every_node() -> None:
    text = PAGE.read_text()
    listed = text.partition("<!-- nodes: begin -->")[2].partition("<!-- nodes: end -->")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(NODES)


def test_every_node_is_carried_out_once() -> None:
    ways = [*OWN, *IMAGES, *MASKS, *HOSTED, *PLAIN]
    assert sorted(ways) == sorted(NODES)


@pytest.mark.parametrize(
    ("told", "reads", "expected"),
    [
        ("", ("depth", "canny"), "depth"),
        ("auto", ("canny", "tile", "depth", "pose"), "canny"),
        ("openpose", ("canny", "tile", "depth", "pose"), "canny"),
        ("hed/pidi/scribble/ted", ("canny", "tile", "depth", "pose"), "depth"),
        ("normal", ("canny", "tile", "depth", "pose"), "pose"),
        ("depth", ("canny", "lineart", "depth", "pose"), "depth"),
        ("tile", ("canny",), "canny"),
    ],
)
def test_what_a_union_reads(told: str, reads: tuple[str, ...], expected: str) -> None:
    """By the number of the mode where it has modes, else by name."""
    assert condition_of(Net("net", told), reads) == expected


def test_a_mode_that_is_no_condition_here() -> None:
    with pytest.raises(RecipeRefused, match="'segment'") as refused:
        condition_of(Net("net", "segment"), ("canny", "tile", "depth", "pose"))
    assert "'normal' is pose" in refused.value.hint
    (net,) = PLAIN["SetUnionControlNetType"]({"control_net": Net("net"), "type": "normal"})
    assert net == Net("net", "normal")
