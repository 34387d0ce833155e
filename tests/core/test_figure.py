"""The skeleton: a body that hangs together, in colours that differ, in poses as they are named."""

from __future__ import annotations

import hashlib

import pytest

from maquette.core.figure import FIGURE, JOINTS

Places = dict[str, tuple[float, float]]


def _places(pose: str) -> Places:
    return dict(zip(JOINTS, FIGURE.poses[pose], strict=True))


def test_it_is_the_one_that_the_shipped_network_has_learned() -> None:
    # Joints, bones, colours and width are what the weights read, and the poses are those of the
    # pictures that they were taught with: a change here asks for a new training.
    stated = hashlib.sha256(FIGURE.model_dump_json().encode()).hexdigest()
    assert stated == "17cd21a444fbcaf7cf7d5319aad12cfe44d15376e21651e40e4fb37b4574083d"


def test_the_bones_are_one_tree_of_all_joints_but_the_tail() -> None:
    reached = {JOINTS.index("neck")}
    for _ in FIGURE.bones:
        reached |= {end for bone in FIGURE.bones if reached & set(bone) for end in bone}
    assert {JOINTS[at] for at in reached} == set(JOINTS) - {"tail"}
    assert len(FIGURE.bones) == len(reached) - 1


def test_every_bone_and_joint_has_a_colour_of_its_own_that_is_not_the_ground_s() -> None:
    assert len(FIGURE.colours) == len(FIGURE.bones) + len(FIGURE.joints)
    assert len({*FIGURE.colours, "#000000"}) == len(FIGURE.colours) + 1


@pytest.mark.parametrize("pose", FIGURE.poses)
def test_a_pose_stands_upright_and_looks_at_us(pose: str) -> None:
    at = _places(pose)
    assert all(-0.5 <= x <= 0.5 and 0 <= y <= 1 for x, y in at.values())
    for part in ("eye", "ear", "shoulder", "elbow", "hip"):
        assert at[f"right_{part}"][0] < 0 < at[f"left_{part}"][0]
    for side in ("left", "right"):
        down = ("ear", "eye", "shoulder", "hip", "knee", "foot")
        heights = [at[f"{side}_{part}"][1] for part in down]
        assert heights == sorted(heights) or pose == "sitting"


def test_poses_are_what_they_are_called() -> None:
    raised = {
        pose: sum(_places(pose)[f"{side}_hand"][1] < 0.49 for side in ("left", "right"))
        for pose in FIGURE.poses
    }
    assert raised == {"standing": 0, "sitting": 0, "waving": 1, "running": 0, "jumping": 2}
    for pose in FIGURE.poses:
        at = _places(pose)
        even = all(at[f"left_{p}"][1] == at[f"right_{p}"][1] for p in ("hand", "knee", "foot"))
        assert even == (pose not in ("waving", "running"))
