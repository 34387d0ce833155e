"""What is joined of a small decoder gives the same numbers, where it may be done at all."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import AutoencoderTiny
from torch import nn

from maquette.engines.diffusers.tails import Tail, lighten, shorten


def decoder(last: int = 0) -> AutoencoderTiny:
    torch.manual_seed(3)
    return AutoencoderTiny(
        latent_channels=4,
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, last),
        act_fn="silu",
    ).requires_grad_(False)


@pytest.mark.parametrize("shape", [(1, 4, 6, 6), (2, 4, 3, 5), (1, 4, 1, 1)])
def test_a_shortened_decoder_gives_the_same_to_the_rim(shape: tuple[int, ...]) -> None:
    usual, latents = decoder(), torch.randn(shape)
    short = copy.deepcopy(usual)
    assert shorten(short.decoder)
    assert isinstance(short.decoder.layers[-1], Tail)
    with torch.inference_mode():
        torch.testing.assert_close(
            short.decode(latents).sample, usual.decode(latents).sample, atol=2e-6, rtol=0
        )


@pytest.mark.parametrize("shape", [(1, 4, 6, 6), (2, 4, 3, 5), (1, 4, 1, 1)])
def test_a_lightened_decoder_gives_the_same_to_the_rim(shape: tuple[int, ...]) -> None:
    usual, latents = decoder(last=1), torch.randn(shape)
    light = copy.deepcopy(usual)
    assert lighten(light.decoder) == 2
    assert not any(isinstance(layer, nn.Upsample) for layer in light.decoder.layers)
    with torch.inference_mode():
        torch.testing.assert_close(
            light.decode(latents).sample, usual.decode(latents).sample, atol=2e-6, rtol=0
        )


def test_an_end_with_blocks_is_left_as_it_is() -> None:
    usual = decoder(last=1)
    before = list(usual.decoder.layers)
    assert not shorten(usual.decoder)
    assert list(usual.decoder.layers) == before


@pytest.mark.parametrize(
    "end",
    [
        [nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)],
        [nn.Upsample(scale_factor=2), nn.Conv2d(4, 4, 3, bias=False), nn.Conv2d(4, 3, 3)],
        [
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(4, 4, 3, padding=1, bias=False),
            nn.Conv2d(4, 3, 3, padding=1),
        ],
    ],
    ids=["a bias between the two", "no padding", "another enlargement"],
)
def test_an_end_that_is_not_linear_in_cells_is_left_as_it_is(end: list[nn.Module]) -> None:
    other = nn.Module()
    other.layers = nn.Sequential(*end)
    assert not shorten(other)
    assert not shorten(None)


def test_other_enlargements_are_left_as_they_are() -> None:
    other = nn.Module()
    other.layers = nn.Sequential(
        nn.Upsample(scale_factor=3),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Upsample(scale_factor=2),
        nn.SiLU(),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(4, 4, 1),
    )
    before = list(other.layers)
    assert lighten(other) == 0
    assert list(other.layers) == before
    assert lighten(None) == 0


def test_a_bias_stays() -> None:
    grown = nn.Module()
    grown.layers = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 6, 3, padding=1))
    usual, hidden = copy.deepcopy(grown.layers), torch.randn(1, 4, 5, 3)
    assert lighten(grown) == 1
    torch.testing.assert_close(grown.layers(hidden), usual(hidden), atol=2e-6, rtol=0)
