"""The denoiser, the text encoder and the noise schedule, all stock classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from training.device import autocast

TEXT_WIDTH = 192
TEXT_LAYERS = 3
WIDTHS = (64, 128, 192)
#: Side of the latents: 256 pixels at factor 16.
SIDE = 16
CHANNELS = 8

#: Zero terminal SNR, so that night skies can be truly dark; hence v-prediction and trailing steps.
SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}


def build_unet(widths: Sequence[int] = WIDTHS) -> UNet2DConditionModel:
    """A new denoiser: one layer a block, self- and cross-attention at every level."""
    return UNet2DConditionModel(
        sample_size=SIDE,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=tuple(widths),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=tuple(max(1, w // 32) for w in widths),
        norm_num_groups=16,
    )


def build_text_encoder(vocabulary: int, length: int) -> CLIPTextModel:
    """A new text encoder for a tokenizer whose last two ids are start and end of text."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=TEXT_LAYERS,
            num_attention_heads=6,
            max_position_embeddings=length,
            projection_dim=TEXT_WIDTH,
            hidden_act="gelu",
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
            pad_token_id=vocabulary - 1,
        )
    )


def sampler() -> DPMSolverMultistepScheduler:
    """The sampler that ships with the model."""
    # Trailing steps do not use the offset; without it the pipeline warns of an outdated file.
    return DPMSolverMultistepScheduler(**SCHEDULE, algorithm_type="dpmsolver++", steps_offset=1)


def signal(device: torch.device | None = None) -> torch.Tensor:
    """Cumulative product of alphas (share of signal power left) at each of the 1000 timesteps."""
    start, end = SCHEDULE["beta_start"] ** 0.5, SCHEDULE["beta_end"] ** 0.5
    betas = torch.linspace(start, end, SCHEDULE["num_train_timesteps"], dtype=torch.float64) ** 2
    root = torch.cumprod(1 - betas, 0).sqrt()
    # Shift and scale so that the last step is pure noise (Lin et al., 2023, algorithm 1).
    first, last = root[0].clone(), root[-1].clone()
    root = (root - last) * first / (first - last)
    return (root**2).float().to(device)


@torch.no_grad()
def draw(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    ids: torch.Tensor,
    empty: torch.Tensor,
    *,
    steps: int = 20,
    guidance: float = 5.0,
    seed: int = 0,
) -> torch.Tensor:
    """Scaled latents (N x 8 x SIDE x SIDE) for token ids (N x LENGTH); `empty` is the null row."""
    scheduler = sampler()
    scheduler.set_timesteps(steps)
    count, where = len(ids), ids.device
    states = text_encoder(torch.cat([empty.expand(count, -1), ids])).last_hidden_state
    noise = torch.randn(count, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    x = noise.to(where) * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        doubled = scheduler.scale_model_input(torch.cat([x, x]), t)
        with autocast(where):
            plain, told = unet(doubled, t, states).sample.float().chunk(2)
        x = scheduler.step(plain + guidance * (told - plain), t, x).prev_sample
    return x
