"""docs/comfyui.md lists exactly the nodes that there are."""

from __future__ import annotations

import re
from pathlib import Path

from maquette.server.compat.comfyui.nodes import NODES
from maquette.server.compat.comfyui.pixels import IMAGES, MASKS
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
