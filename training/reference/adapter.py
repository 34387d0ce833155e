"""An IP-Adapter (arXiv 2308.06721) as it is trained and as it is exported.

What learns: a projection of the picture's vector to four tokens, and for each cross-attention a key
and a value of those tokens beside the words'. Files are those that `load_ip_adapter` reads:
`image_proj.*` and `ip_adapter.<k>.to_k_ip.weight`, and the image encoder in a folder beside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import ImageProjection
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from training.attention import WatchedAttention

TOKENS = 4
FILE = "ip-adapter.safetensors"
#: How the small CLIP sees pictures, and how the stock loader shows them (OpenAI's CLIP).
OURS = ((0.5,) * 3, (0.5,) * 3)
STOCK = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


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
        """width: of the image encoder's vector."""
        super().__init__()
        across = int(unet.config.cross_attention_dim)
        self.names = crosses(unet)
        self.image_proj = ImageProjection(width, across, TOKENS)
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
            own["to_v_ip"].weight.data.copy_(0.1 * known.to_v.weight)
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

    def show(self, vectors: torch.Tensor | None) -> None:
        """Let the denoiser see pictures by their vectors (N x width); None: no picture at all."""
        tokens = None if vectors is None else self.image_proj(vectors)
        for attention in self._attentions:
            attention.tokens = tokens

    def stock(self) -> dict[str, dict[str, torch.Tensor]]:
        """Tensors by their stock names: {'image_proj': …, 'ip_adapter': …}."""
        told = self.image_proj.state_dict()
        found: dict[str, dict[str, torch.Tensor]] = {
            "image_proj": {k.replace("image_embeds", "proj"): v for k, v in told.items()},
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
