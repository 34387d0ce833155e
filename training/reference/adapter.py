"""An IP-Adapter (arXiv 2308.06721) as it is trained and as it is exported.

What learns: a resampler (the "plus" form: a few queries that look at the image encoder's places)
that makes tokens of a picture, and for each cross-attention a key and a value of those tokens
beside the words'. A line from the encoder's one vector, the plain form, tells half of what words
say of a picture's looks; what is not linear tells three quarters and more. Files are those that
`load_ip_adapter` reads: `image_proj.*` and `ip_adapter.<k>.to_k_ip.weight`, and the image encoder
in a folder beside.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from training.attention import WatchedAttention

#: What a picture becomes; the first four begin as words (see begin.py), the others as nothing.
TOKENS = 6
#: The resampler's width and heads (of 64 each: the format wants that, and four blocks).
HIDDEN, HEADS, BLOCKS = 128, 2, 4
FILE = "ip-adapter.safetensors"
#: How the small CLIP sees pictures, and how the stock loader shows them (OpenAI's CLIP).
OURS = ((0.5,) * 3, (0.5,) * 3)
STOCK = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


#: From diffusers' names of a resampler's parts to the format's.
_NAMES = (
    (r"^layers\.(\d)\.ln0", r"layers.\1.0.norm1"),
    (r"^layers\.(\d)\.ln1", r"layers.\1.0.norm2"),
    (r"^layers\.(\d)\.attn\.to_out\.0", r"layers.\1.0.to_out"),
    (r"^layers\.(\d)\.attn\.", r"layers.\1.0."),
    (r"^layers\.(\d)\.ff\.0\.", r"layers.\1.1.0."),
    (r"^layers\.(\d)\.ff\.1\.net\.0\.proj", r"layers.\1.1.1"),
    (r"^layers\.(\d)\.ff\.1\.net\.2", r"layers.\1.1.3"),
)


def crosses(unet: UNet2DConditionModel) -> list[str]:
    """Names of the cross-attentions, in the order in which the stock format counts them."""
    names = [name.removesuffix(".processor") for name in unet.attn_processors]
    return [name for name in names if not name.endswith("attn1")]


class PairedAttention(WatchedAttention):
    """Cross-attention to words, and beside it to the tokens of a picture.

    Keys and values of the picture are set before each pass (`tokens` and `maps`), so that nothing
    of the denoiser has to know of them. The same sum as the stock processor's, at scale 1.
    """

    def __init__(self, own: nn.ModuleDict) -> None:
        super().__init__()
        self.own = own
        self.tokens: torch.Tensor | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        out = super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        if encoder_hidden_states is None or self.tokens is None:
            return out
        batch, pixels, _ = hidden_states.shape
        query, key, value = (
            x.view(batch, x.shape[1], attn.heads, -1).transpose(1, 2)
            for x in (
                attn.to_q(hidden_states),
                self.own["to_k_ip"](self.tokens),
                self.own["to_v_ip"](self.tokens),
            )
        )
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        seen = (scores.float().softmax(-1).to(value.dtype) @ value).transpose(1, 2)
        # The last layer is linear: what it makes of the picture's part is added without its bias.
        return out + nn.functional.linear(
            seen.reshape(batch, pixels, -1), attn.to_out[0].weight
        ).to(out.dtype)


class Adapter(nn.Module):
    """What learns; `attach` makes a denoiser listen to it."""

    def __init__(self, unet: UNet2DConditionModel, width: int) -> None:
        """width: of the image encoder's places."""
        super().__init__()
        across = int(unet.config.cross_attention_dim)
        self.names = crosses(unet)
        self.image_proj = IPAdapterPlusImageProjection(
            width, across, HIDDEN, depth=BLOCKS, dim_head=64, heads=HEADS, num_queries=TOKENS
        )
        self.ip_adapter = nn.ModuleList()
        for name in self.names:
            known = unet.get_submodule(name)
            own = nn.ModuleDict(
                {
                    "to_k_ip": nn.Linear(across, known.to_k.out_features, bias=False),
                    "to_v_ip": nn.Linear(across, known.to_v.out_features, bias=False),
                }
            )
            # Beginning as the words' own maps, tokens mean something from the first step.
            own["to_k_ip"].weight.data.copy_(known.to_k.weight)
            own["to_v_ip"].weight.data.copy_(0.5 * known.to_v.weight)
            self.ip_adapter.append(own)
        self._attentions: list[PairedAttention] = []

    def attach(self, unet: UNet2DConditionModel) -> None:
        """Put the adapter's maps beside the denoiser's."""
        made = {name: WatchedAttention() for name in unet.attn_processors}
        self._attentions = []
        for name, own in zip(self.names, self.ip_adapter, strict=True):
            paired = PairedAttention(own)
            made[f"{name}.processor"] = paired
            self._attentions.append(paired)
        unet.set_attn_processor(made)

    def show(self, seen: torch.Tensor | None) -> None:
        """Let the denoiser see pictures by what `places` makes of them (N x places x width); None:
        no picture at all."""
        tokens = None if seen is None else self.image_proj(seen)
        for attention in self._attentions:
            attention.tokens = tokens

    def stock(self) -> dict[str, dict[str, torch.Tensor]]:
        """Tensors by their stock names: {'image_proj': …, 'ip_adapter': …}."""
        told = self.image_proj.state_dict()
        found: dict[str, dict[str, torch.Tensor]] = {
            "image_proj": _named(told),
            "ip_adapter": {},
        }
        for i, own in enumerate(self.ip_adapter):
            for name in ("to_k_ip", "to_v_ip"):
                # Self-attentions are counted too: the cross-attentions are the odd ones.
                found["ip_adapter"][f"{2 * i + 1}.{name}.weight"] = own[name].weight
        return {
            part: {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
            for part, tensors in found.items()
        }


def _named(told: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A resampler's tensors by the names of the format."""
    found: dict[str, torch.Tensor] = {}
    for name, value in told.items():
        known = name
        for ours, theirs in _NAMES:
            known = re.sub(ours, theirs, known)
        found[known] = value
    for block in range(BLOCKS):
        key, value = (found.pop(f"layers.{block}.0.to_{which}.weight") for which in "kv")
        found[f"layers.{block}.0.to_kv.weight"] = torch.cat([key, value])
    return found


def places(model: CLIPModel, pictures: torch.Tensor) -> torch.Tensor:
    """What a CLIP sees at each place before its last layer, N x (1 + patches) x width, in pictures
    (N x 3 x S x S, -1..1)."""
    return model.vision_model(pictures, output_hidden_states=True).hidden_states[-2].float()


def nothing(model: CLIPModel) -> torch.Tensor:
    """The picture that stands for none, 1 x 3 x S x S: zeros, as the stock loader normalises."""
    (mean, spread), (theirs, _) = ([torch.tensor(x) for x in one] for one in (OURS, STOCK))
    side = int(model.config.vision_config.image_size)
    return ((theirs - mean) / spread)[None, :, None, None].repeat(1, 1, side, side)


def image_encoder(model: CLIPModel) -> CLIPVisionModelWithProjection:
    """The half of a CLIP that sees, as the stock loader wants it: its weights are made for
    pictures normalised as OpenAI's CLIP has them, which is how that loader shows them.

    The patches' convolution takes up the other spread, the places' vectors the other mean.
    """
    config = CLIPVisionConfig(**model.config.vision_config.to_dict())
    made = CLIPVisionModelWithProjection(config)
    made.vision_model.load_state_dict(model.vision_model.state_dict())
    made.visual_projection.load_state_dict(model.visual_projection.state_dict())
    (mean, spread), (their_mean, their_spread) = (
        [torch.tensor(x)[:, None, None] for x in one] for one in (OURS, STOCK)
    )
    with torch.no_grad():
        embeddings = made.vision_model.embeddings
        kernel = embeddings.patch_embedding.weight
        constant = (kernel * ((their_mean - mean) / spread)).sum((1, 2, 3))
        embeddings.position_embedding.weight[1:] += constant
        kernel.mul_(their_spread / spread)
    return made.eval()


def write(adapter: Adapter, encoder: CLIPVisionModelWithProjection, folder: Path) -> Path:
    """Write adapter and image encoder as the stock loader finds them; gives the adapter's file."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{part}.{name}": value.half()
        for part, named in adapter.stock().items()
        for name, value in named.items()
    }
    save_file(tensors, folder / FILE)
    encoder.half().save_pretrained(folder / "image_encoder", safe_serialization=True)
    encoder.float()
    return folder / FILE
