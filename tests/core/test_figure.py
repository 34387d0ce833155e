"""The skeleton that is set by hand is the one that the trained network reads."""

from __future__ import annotations

import pytest
from training.control.conditions import PALETTE
from training.world import facts, pose

from maquette.core.figure import FIGURE


def test_joints_bones_and_colours_are_those_of_the_training() -> None:
    assert FIGURE.joints == facts.JOINTS
    named = [(FIGURE.joints[first], FIGURE.joints[last]) for first, last in FIGURE.bones]
    assert named == list(facts.BONES)
    assert FIGURE.colours == tuple(f"#{bytes(colour).hex()}" for colour in PALETTE[1:])


@pytest.mark.parametrize("name", FIGURE.poses)
def test_a_ready_pose_is_one_of_the_renderer_s(name: str) -> None:
    assert set(FIGURE.poses) == set(pose.LIMBS)
    wanted = pose.joints(name)
    assert FIGURE.poses[name] == tuple(wanted[joint] for joint in FIGURE.joints)
