"""Tiny models with random weights, built on the spot: one shaped like Stable Diffusion 1.5, one
like the model that ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ("boat", "moon", "sea", "cat", "red", "the", "under", "a", "on", "lighthouse")
LENGTH = 16


def build(folder: Path, kind: str, *, channels: int = 4) -> Path:
    """Write a model folder. ``kind`` is ``sd15`` (AutoencoderKL, epsilon, PNDM, 77 tokens) or
    ``postcard`` (AutoencoderTiny, v-prediction, zero terminal SNR, a short text encoder, no
    cross-attention at the first level)."""
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    like_sd = kind == "sd15"
    length = 77 if like_sd else LENGTH
    torch.manual_seed(7)
    size = write_tokenizer(folder / "tokenizer", length)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=length,
            projection_dim=32,
            bos_token_id=size - 2,
            eos_token_id=size - 1,
            pad_token_id=size - 1,
            initializer_factor=4.0,
        )
    )
    with torch.no_grad():
        # A trained encoder's states have a mean; those of a fresh one have none to restore.
        for name, weight in text.named_parameters():
            if "final_layer_norm.bias" in name:
                weight.fill_(0.1)
    shapes: dict[str, Any] = (
        {
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "block_out_channels": (32, 64),
        }
        if like_sd
        else {
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "block_out_channels": (16, 32, 32),
        }
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
        **shapes,
    )
    with torch.no_grad():
        # Random attention is nearly even; sharpen it so that maps have something to show.
        for name, weight in unet.named_parameters():
            if "attn2.to_q" in name or "attn2.to_k" in name:
                weight.mul_(4)
    vae: Any
    if like_sd:
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            norm_num_groups=4,
            sample_size=64,
        )
    else:
        vae = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            scaling_factor=1.5,
        )
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    text.save_pretrained(folder / "text_encoder")
    schedule: dict[str, Any] = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "steps_offset": 1,
        "clip_sample": False,
        "set_alpha_to_one": False,
    }
    if like_sd:
        schedule |= {"_class_name": "PNDMScheduler", "skip_prk_steps": True}
    else:
        schedule |= {
            "_class_name": "DDIMScheduler",
            "prediction_type": "v_prediction",
            "rescale_betas_zero_snr": True,
            "timestep_spacing": "trailing",
        }
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.42.1",
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "requires_safety_checker": False,
        "scheduler": ["diffusers", schedule["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", type(vae).__name__],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_tokenizer(folder: Path, length: int) -> int:
    """A CLIP tokenizer as vocab.json and merges.txt, as old checkpoints have it. ``lighthouse`` is
    two tokens, the other words one. Returns the size of its vocabulary."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:;()[]<>{}|!?'\"-_/\\"
    entries = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[str] = []
    for word in (*WORDS, "light"):
        if word == "lighthouse":
            continue
        whole = word != "light"
        pieces = [*word[:-1], f"{word[-1]}</w>" if whole else word[-1]]
        left = pieces[0]
        for right in pieces[1:]:
            if f"{left} {right}" not in merges:
                merges.append(f"{left} {right}")
                entries.append(left + right)
            left += right
    pieces = [*"hous", "e</w>"]
    left = pieces[0]
    for right in pieces[1:]:
        merges.append(f"{left} {right}")
        entries.append(left + right)
        left += right
    vocabulary = {entry: number for number, entry in enumerate(dict.fromkeys(entries))}
    vocabulary["<|startoftext|>"] = len(vocabulary)
    vocabulary["<|endoftext|>"] = len(vocabulary)
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": length,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(vocabulary)
