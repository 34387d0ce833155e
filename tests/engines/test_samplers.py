"""Samplers are set up from a model's configuration, each drawing with one of its own."""

from __future__ import annotations

import pytest
import torch

from maquette.engines.diffusers.samplers import SAMPLERS, build_scheduler

CONFIG = {"beta_schedule": "scaled_linear", "prediction_type": "v_prediction"}


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_a_drawing_does_to_its_scheduler_no_other_sees(name: str) -> None:
    used, fresh = build_scheduler(name, CONFIG), build_scheduler(name, CONFIG)
    used.set_timesteps(4)
    latents = torch.ones(1, 4, 2, 2)
    used.step(latents, used.timesteps[0], latents)
    used.alphas_cumprod.zero_()
    after = build_scheduler(name, CONFIG)
    for other in (fresh, after):
        assert len(other.timesteps) == 1000
        assert getattr(other, "model_outputs", [None])[-1] is None
        assert other.alphas_cumprod[0] > 0.9
        assert other.config == used.config
        assert other.config.prediction_type == "v_prediction"


def test_other_settings_are_another_scheduler() -> None:
    other = build_scheduler("ddim", {**CONFIG, "prediction_type": "epsilon"})
    assert other.config.prediction_type == "epsilon"
    with pytest.raises(KeyError):
        build_scheduler("no such sampler", CONFIG)
