"""Things that stand on a picture or hang in it, and the shadow they throw."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maquette.core.geometry import Size
from maquette.errors import SettingRefused
from maquette.operations.composite import Placed, standing, with_shadow
from maquette.operations.shadows import ground_shadow, wall_shadow


def _vase() -> Image.Image:
    vase = Image.new("RGBA", (60, 100), (0, 0, 0, 0))
    ImageDraw.Draw(vase).polygon([(10, 5), (50, 5), (40, 90), (20, 90)], "teal")
    return vase


def test_a_thing_stands_with_its_foot_where_it_is_asked_for() -> None:
    x, y, width, height = standing((0.5, 0.9, 0.5), None, Size(width=60, height=100), _SIZE)
    assert (x + width / 2, y + height) == (100, 180) and (width, height) == (60, 100)
    cut = standing((0.5, 0.9, 0.5), (0, 0, 50, 50), Size(width=60, height=100), _SIZE)
    assert cut[2:] == (100, 100), "a part keeps the part's shape"
    with pytest.raises(SettingRefused, match="height"):
        standing((0.5, 0.9, 0), None, Size(width=60, height=100), _SIZE)


_SIZE = Size(width=200, height=200)


def test_a_shadow_on_the_ground_lies_under_the_foot() -> None:
    made = ground_shadow(_vase(), (100, 40, 60, 100))
    assert made is not None
    shadow, (x, y, width, height) = made
    dark = np.asarray(shadow.getchannel("A"), float)
    across = (dark.sum(axis=0) * (x + np.arange(width))).sum() / dark.sum()
    down = (dark.sum(axis=1) * (y + np.arange(height))).sum() / dark.sum()
    assert across == pytest.approx(130, abs=1.5) and down == pytest.approx(130, abs=3)
    assert (dark.sum(axis=0) > 255).sum() < 45, "as wide as the foot, not as the rim"
    assert dark[[0, -1]].max() < 16 and dark[:, [0, -1]].max() < 16, "it fades out"


def test_a_shadow_on_the_wall_has_the_outline_a_little_lower() -> None:
    made = wall_shadow(_vase(), (100, 40, 60, 100))
    assert made is not None
    shadow, (_, y, _, height) = made
    rows = np.flatnonzero(np.asarray(shadow.getchannel("A")).max(axis=1) > 127)
    assert 45 < y + rows[0] < 52 and y + rows[-1] < y + height


def test_nothing_throws_no_shadow() -> None:
    empty = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert ground_shadow(empty, (0, 0, 20, 20)) is wall_shadow(empty, (0, 0, 20, 20)) is None
    assert with_shadow(Placed(None, at=(0, 0)), _vase(), _SIZE) is None
    with pytest.raises(SettingRefused, match="shadow of 2"):
        with_shadow(Placed(None, at=(0, 0), shadow=2), _vase(), _SIZE)
