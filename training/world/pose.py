"""Where the joints of a figure are in each pose.

Unit coordinates: u from the figure's middle to the viewer's right, v from its top (0) to the
ground (1), in heights. Written for a figure that looks at us, its left hand on the viewer's right.
"""

from __future__ import annotations

from training.world.shapes import Point

Joints = dict[str, Point]

_HEAD: Joints = {
    "nose": (0.0, 0.34),
    "left_eye": (0.1, 0.27),
    "right_eye": (-0.1, 0.27),
    "left_ear": (0.17, 0.1),
    "right_ear": (-0.17, 0.1),
    "neck": (0.0, 0.49),
    "left_shoulder": (0.13, 0.54),
    "right_shoulder": (-0.13, 0.54),
    "left_hip": (0.09, 0.8),
    "right_hip": (-0.09, 0.8),
    "tail": (-0.3, 0.66),
}


def _both(elbow: Point, hand: Point, knee: Point, foot: Point) -> Joints:
    """Limbs that are alike on both sides."""
    limbs = {"elbow": elbow, "hand": hand, "knee": knee, "foot": foot}
    left = {f"left_{name}": place for name, place in limbs.items()}
    right = {f"right_{name}": (-place[0], place[1]) for name, place in limbs.items()}
    return left | right


_STANDING = _both((0.22, 0.62), (0.25, 0.72), (0.1, 0.88), (0.12, 0.96))
LIMBS: dict[str, Joints] = {
    "standing": _STANDING,
    "waving": _STANDING | {"left_elbow": (0.28, 0.52), "left_hand": (0.38, 0.36)},
    "sitting": _both((0.19, 0.66), (0.12, 0.78), (0.2, 0.88), (0.23, 0.94)),
    "running": _STANDING
    | {
        "left_elbow": (0.25, 0.6),
        "left_hand": (0.37, 0.53),
        "right_elbow": (-0.26, 0.58),
        "right_hand": (-0.35, 0.68),
        "left_knee": (0.2, 0.84),
        "left_foot": (0.36, 0.86),
        "right_knee": (-0.12, 0.9),
        "right_foot": (-0.3, 0.96),
    },
    "jumping": _both((0.27, 0.5), (0.37, 0.38), (0.2, 0.84), (0.3, 0.91)),
}
#: How far above the ground a figure is in the air, in heights.
LIFT = {"jumping": 0.2}


def joints(pose: str) -> Joints:
    """All joints of a pose in unit coordinates."""
    return _HEAD | LIMBS[pose]
