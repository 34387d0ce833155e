"""The skeleton that a control network of eight channels reads as a pose, and poses to begin with.

It is the one of the renderer's figures, which ``training/`` draws and teaches by these same values:
not OpenPose's. Whoever sets a figure by hand moves its joints; the map is its bones and joints in
these colours on black.
"""

from __future__ import annotations

import colorsys

from pydantic import BaseModel, ConfigDict

__all__ = ["BONES", "FIGURE", "JOINTS", "Skeleton"]

Point = tuple[float, float]

JOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "neck"),
    *("left_shoulder", "left_elbow", "left_hand", "right_shoulder", "right_elbow", "right_hand"),
    *("left_hip", "left_knee", "left_foot", "right_hip", "right_knee", "right_foot", "tail"),
)
BONES = (
    *(("nose", "neck"), ("left_eye", "nose"), ("right_eye", "nose")),
    *(("left_ear", "left_eye"), ("right_ear", "right_eye")),
    *(("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_hand")),
    *(("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_hand")),
    *(("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_foot")),
    *(("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_foot")),
)
_BODY: dict[str, Point] = {
    **{"nose": (0, 0.34), "left_eye": (0.1, 0.27), "right_eye": (-0.1, 0.27)},
    **{"left_ear": (0.17, 0.1), "right_ear": (-0.17, 0.1), "neck": (0, 0.49)},
    **{"left_shoulder": (0.13, 0.54), "right_shoulder": (-0.13, 0.54)},
    **{"left_hip": (0.09, 0.8), "right_hip": (-0.09, 0.8), "tail": (-0.3, 0.66)},
}
_LIMBS = ("elbow", "hand", "knee", "foot")
_LEFT: dict[str, tuple[Point, ...]] = {
    "sitting": ((0.19, 0.66), (0.12, 0.78), (0.2, 0.88), (0.23, 0.94)),
    "standing": ((0.22, 0.62), (0.25, 0.72), (0.1, 0.88), (0.12, 0.96)),
    "waving": ((0.28, 0.52), (0.38, 0.36), (0.1, 0.88), (0.12, 0.96)),
    "running": ((0.25, 0.6), (0.37, 0.53), (0.2, 0.84), (0.36, 0.86)),
    "jumping": ((0.27, 0.5), (0.37, 0.38), (0.2, 0.84), (0.3, 0.91)),
}
_RIGHT: dict[str, tuple[Point, ...]] = {
    "waving": ((-0.22, 0.62), (-0.25, 0.72), (-0.1, 0.88), (-0.12, 0.96)),
    "running": ((-0.26, 0.58), (-0.35, 0.68), (-0.12, 0.9), (-0.3, 0.96)),
}


class Skeleton(BaseModel):
    """What a pose is drawn of.

    ``bones`` are pairs of indices of ``joints``; ``colours`` are the bones' and then the joints',
    as ``#rrggbb``; ``width`` is that of a bone and the radius of a joint, in parts of the picture's
    side. ``poses`` are places of the joints by name: from the figure's middle to the viewer's
    right and from its top to the ground, in the figure's heights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    colours: tuple[str, ...]
    width: float
    poses: dict[str, tuple[Point, ...]]


def _pose(name: str) -> tuple[Point, ...]:
    left = _LEFT[name]
    right = _RIGHT.get(name) or tuple((-x, y) for x, y in left)
    at = dict(_BODY)
    for limb, to_left, to_right in zip(_LIMBS, left, right, strict=True):
        at |= {f"left_{limb}": to_left, f"right_{limb}": to_right}
    return tuple(at[joint] for joint in JOINTS)


def _colours() -> tuple[str, ...]:
    found: list[str] = []
    for count, strength, bright in ((len(BONES), 1.0, 0.8), (len(JOINTS), 0.6, 1.0)):
        for at in range(count):
            parts = colorsys.hsv_to_rgb(at / count, strength, bright)
            found.append("#" + "".join(f"{int(255 * part):02x}" for part in parts))
    return tuple(found)


FIGURE = Skeleton(
    joints=JOINTS,
    bones=tuple((JOINTS.index(first), JOINTS.index(last)) for first, last in BONES),
    colours=_colours(),
    width=1 / 85,
    poses={name: _pose(name) for name in _LEFT},
)
"""That of the renderer's figures."""
