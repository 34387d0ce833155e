"""Names of layers in the published networks of SDXL and FLUX: there and back."""

from __future__ import annotations

import pytest

from maquette.engines.diffusers.conditions.keys import Misfit, match
from maquette.engines.diffusers.conditions.originals import as_flux, as_unet, in_flux, in_unet

UNET = {
    "conv_in": "input_blocks_0_0",
    "time_embedding.linear_2": "time_embed_2",
    "add_embedding.linear_1": "label_emb_0_0",
    "down_blocks.0.resnets.1.conv2": "input_blocks_2_0_out_layers_3",
    "down_blocks.0.downsamplers.0.conv": "input_blocks_3_0_op",
    "down_blocks.1.attentions.0.proj_in": "input_blocks_4_1_proj_in",
    "down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj": (
        "input_blocks_8_1_transformer_blocks_9_ff_net_0_proj"
    ),
    "mid_block.resnets.1.time_emb_proj": "middle_block_2_emb_layers_1",
    "up_blocks.0.resnets.2.conv_shortcut": "output_blocks_2_0_skip_connection",
    "up_blocks.0.upsamplers.0.conv": "output_blocks_2_2_conv",
    "up_blocks.1.attentions.2.transformer_blocks.1.attn2.to_out.0": (
        "output_blocks_5_1_transformer_blocks_1_attn2_to_out_0"
    ),
    "conv_out": "out_2",
}
"""SDXL's modules, of two layers a block (three on the way up), and their published names."""


def test_every_layer_of_sdxl_has_both_names() -> None:
    modules = [*UNET, "up_blocks.0.attentions.0.proj_in"]
    for module, published in UNET.items():
        assert as_unet(module, 2, modules) == published
        assert in_unet(published, 2) == module.replace(".", "_")
    assert as_unet("up_blocks.0.upsamplers.0.conv", 2, []) == "output_blocks_2_1_conv"
    assert as_unet("somewhere.else", 2, modules) is None


FLUX = {
    "transformer_blocks.7.attn.add_k_proj": "double_blocks_7_txt_attn_qkv",
    "transformer_blocks.0.ff_context.net.2": "double_blocks_0_txt_mlp_2",
    "single_transformer_blocks.3.proj_mlp": "single_blocks_3_linear1",
    "single_transformer_blocks.3.norm.linear": "single_blocks_3_modulation_lin",
    "x_embedder": "img_in",
    "time_text_embed.guidance_embedder.linear_2": "guidance_in_out_layer",
}


def test_every_layer_of_flux_has_both_names() -> None:
    shapes = {f"{module}.weight": (4, 4) for module in FLUX}
    shapes |= {f"transformer_blocks.7.attn.add_{n}_proj.weight": (4, 4) for n in "qkv"}
    single = "single_transformer_blocks.3"
    shapes |= {f"{single}.attn.to_{n}.weight": (4, 4) for n in "qkv"}
    for module, published in FLUX.items():
        assert as_flux(module) == published
        assert module in [name for name, _ in in_flux(published, shapes)]
    assert in_flux("single_blocks_3_linear1", shapes)[-1] == (f"{single}.proj_mlp", (12, 16))
    assert as_flux("norm_out.linear") is None and in_flux("somewhere", shapes) == []


@pytest.mark.parametrize(("encoders", "meant"), [(2, "text_encoder_2"), (3, "text_encoder_3")])
def test_the_t5_that_kohyas_scripts_number_three(encoders: int, meant: str) -> None:
    t5 = {"encoder.block.0.layer.0.SelfAttention.q.weight": (8, 8)}
    clip = {"text_model.encoder.layers.0.mlp.fc1.weight": (8, 8)}
    networks = {"transformer": {}, "text_encoder": clip, meant: t5}
    if encoders == 3:
        networks["text_encoder_2"] = clip
    base = "lora_te3_encoder_block_0_layer_0_SelfAttention_q"
    file = {f"{base}.lora_down.weight": (2, 8), f"{base}.lora_up.weight": (8, 2)}
    [layer] = match(file, networks)
    assert layer.network == meant and layer.module.endswith("SelfAttention.q")
    with pytest.raises(Misfit, match="belong to no layer"):
        match({base.replace("_q", "_x") + ".lora_up.weight": (8, 2)}, networks)
