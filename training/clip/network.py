"""A small CLIP in the stock class, and what helps it to learn from few pictures."""

from __future__ import annotations

import torch
from torch import nn
from transformers import CLIPConfig, CLIPModel

from training.world.facts import NOUNS

SIDE, PATCH, PROJECTION = 128, 16, 128
GRID = SIDE // PATCH


def build(
    vocabulary: int,
    length: int,
    *,
    vision: tuple[int, int] = (192, 4),
    text: tuple[int, int] = (128, 3),
) -> CLIPModel:
    """A new model for a tokenizer whose last two ids are start and end of text.

    vision, text: width and number of layers; heads are 32 wide.
    """

    def shape(width: int, layers: int) -> dict[str, int | str]:
        return {
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": max(1, width // 32),
            "projection_dim": PROJECTION,
            "hidden_act": "gelu",
        }

    special = {
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": vocabulary - 1,
    }
    config = CLIPConfig(
        text_config={
            **shape(*text),
            **special,
            "vocab_size": vocabulary,
            "max_position_embeddings": length,
        },
        vision_config={**shape(*vision), "image_size": SIDE, "patch_size": PATCH},
        projection_dim=PROJECTION,
    )
    # Plain attention goes backward faster than the fused one on a processor.
    config._attn_implementation = "eager"
    return CLIPModel(config)


class Learner(nn.Module):
    """The model and a view of its patches that says which nouns each shows; only the first ships.

    The renderer knows where every noun is: telling it to the patches teaches them what to see long
    before captions alone would.
    """

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.model = model
        self.places = nn.Linear(model.config.vision_config.hidden_size, len(NOUNS))
        nn.init.constant_(self.places.bias, -3.0)

    def forward(
        self, pictures: torch.Tensor, ids: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Similarities of texts (rows) and pictures (columns) as logits, and noun logits of the
        patches (N x nouns x GRID x GRID)."""
        said = self.model(input_ids=ids, pixel_values=pictures)
        patches = said.vision_model_output.last_hidden_state[:, 1:]
        places = self.places(patches).transpose(1, 2).unflatten(2, (GRID, GRID))
        return said.logits_per_text.float(), places.float()
