"""Tiny models with random weights in the shape of SDXL, SD3 and FLUX, built on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tests.engines.tiny import WORDS, write_tokenizer

CLASSES = {
    "sdxl": "StableDiffusionXLPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "flux": "FluxPipeline",
}

SCHEDULERS: dict[str, dict[str, Any]] = {
    "sdxl": {
        "_class_name": "EulerDiscreteScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    },
    "sd3": {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": 1000,
        "shift": 3.0,
    },
    "flux": {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": 1000,
        "base_image_seq_len": 256,
        "base_shift": 0.5,
        "max_image_seq_len": 4096,
        "max_shift": 1.15,
        "shift": 3.0,
        "use_dynamic_shifting": True,
    },
}


def build_family(folder: Path, family: str, **how: Any) -> Path:
    """Write a folder of ``family``: ``sdxl``, ``sd3`` or ``flux``.

    ``channels`` (SDXL: 4 or 9), ``t5`` (SD3: whether it has one), ``guided`` (FLUX: dev or
    schnell), ``name`` of the scheduler's other settings.
    """
    torch.manual_seed(11)
    numbers = write_tokenizer(folder / "tokenizer", 77)
    networks: dict[str, Any] = {"vae": vae(family)}
    words: dict[str, str] = {"tokenizer": "CLIPTokenizer"}
    if family != "flux":
        write_tokenizer(folder / "tokenizer_2", 77)
        words["tokenizer_2"] = "CLIPTokenizer"
    if family == "sdxl":
        networks["unet"] = sdxl_unet(how.get("channels", 4))
        networks["text_encoder"] = clip(numbers, projected=False)
        networks["text_encoder_2"] = clip(numbers, projected=True, width=24)
    elif family == "sd3":
        networks["transformer"] = sd3_transformer(how.get("dual", ()))
        networks["text_encoder"] = clip(numbers, projected=True)
        networks["text_encoder_2"] = clip(numbers, projected=True, width=24)
        if how.get("t5", True):
            networks["text_encoder_3"] = t5(write_t5(folder / "tokenizer_3"))
            words["tokenizer_3"] = "T5TokenizerFast"
    else:
        networks["transformer"] = flux_transformer(how.get("guided", True))
        networks["text_encoder"] = clip(numbers, projected=False)
        networks["text_encoder_2"] = t5(write_t5(folder / "tokenizer_2"))
        words["tokenizer_2"] = "T5TokenizerFast"
    for name, network in networks.items():
        network.save_pretrained(folder / name)
    schedule = {**SCHEDULERS[family], **how.get("scheduler", {})}
    if family == "flux" and not how.get("guided", True):
        schedule |= {"use_dynamic_shifting": False, "shift": 1.0}
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    index: dict[str, Any] = {"_class_name": CLASSES[family], "_diffusers_version": "0.42.1"}
    for name, network in networks.items():
        library = "transformers" if name.startswith("text") else "diffusers"
        index[name] = [library, type(network).__name__]
    index |= {name: ["transformers", kind] for name, kind in words.items()}
    index["scheduler"] = ["diffusers", schedule["_class_name"]]
    if family == "sd3" and "text_encoder_3" not in networks:
        index |= {"text_encoder_3": [None, None], "tokenizer_3": [None, None]}
    if family != "sdxl":
        index |= {"image_encoder": [None, None], "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def clip(numbers: int, *, projected: bool, width: int = 32) -> Any:
    """A text encoder of CLIP's kind."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=numbers,
        hidden_size=width,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=width,
        bos_token_id=numbers - 2,
        eos_token_id=numbers - 1,
        pad_token_id=numbers - 1,
        initializer_factor=4.0,
        hidden_act="gelu" if projected else "quick_gelu",
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def t5(numbers: int) -> Any:
    """A text encoder of T5's kind, 64 wide."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=numbers,
            d_model=64,
            d_kv=16,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            initializer_factor=2.0,
        )
    )


def write_t5(folder: Path) -> int:
    """A T5 tokenizer of the tests' words; ``lighthouse`` is two tokens. Returns its size."""
    from transformers import T5Tokenizer

    whole = [f"▁{word}" for word in WORDS if word != "lighthouse"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:;()[]<>{}|!?'\"-_/\\"
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(word, -1.0) for word in (*whole, "▁light", "house")]
    vocabulary += [(letter, -6.0) for letter in letters]
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=0)
    folder.mkdir(parents=True)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def vae(family: str) -> Any:
    """An autoencoder of 8 pixels to a cell; SD3's and FLUX's without the inner convolutions."""
    from diffusers import AutoencoderKL

    wide: dict[str, Any] = (
        {"scaling_factor": 0.13025}
        if family == "sdxl"
        else {
            "latent_channels": 16,
            "scaling_factor": 1.5305,
            "shift_factor": 0.0609,
            "use_quant_conv": False,
            "use_post_quant_conv": False,
        }
    )
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
        **wide,
    )


def sdxl_unet(channels: int) -> Any:
    """The levels of SDXL: none, some, more cross-attention; sizes as a condition."""
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        layers_per_block=1,
        block_out_channels=(16, 32, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
        cross_attention_dim=56,
        attention_head_dim=(2, 4, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24 + 6 * 8,
        norm_num_groups=8,
    )
    return sharpened(unet, ("attn2.to_q", "attn2.to_k"))


def sd3_transformer(dual: tuple[int, ...] = ()) -> Any:
    """Four blocks; CLIP's 32 + 24 states and T5's 64; ``dual`` as in SD3.5."""
    from diffusers import SD3Transformer2DModel

    network = SD3Transformer2DModel(
        sample_size=8,
        num_layers=4,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=56,
        pos_embed_max_size=24,
        dual_attention_layers=dual,
        qk_norm="rms_norm" if dual else None,
    )
    return sharpened(network, ("attn.to_q", "attn.add_k_proj"))


def flux_transformer(guided: bool) -> Any:
    """Three two-stream blocks and two of one; FLUX.1's own widths of positions cut to 16."""
    from diffusers import FluxTransformer2DModel

    network = FluxTransformer2DModel(
        in_channels=64,
        num_layers=3,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=64,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 6, 6),
        guidance_embeds=guided,
    )
    return sharpened(network, ("attn.norm_q", "attn.norm_added_k"))


def sharpened(network: Any, names: tuple[str, ...]) -> Any:
    """Random attention is nearly even; sharpen it so that maps have something to show."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if any(each in name for each in names):
                weight.mul_(4)
            elif "proj_out" in name or "norm_out" in name:
                weight.normal_(0, 0.05)  # a fresh one answers almost nothing
    return network
