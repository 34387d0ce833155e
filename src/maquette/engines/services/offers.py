"""What the engines behind services can do, model by model, said without asking any of them."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.core.capabilities import Capabilities
from maquette.engines import a1111, comfyui, firefly, huggingface, openai, remote, replicate
from maquette.engines.firefly.engine import MODELS as FIREFLY
from maquette.engines.openai.models import MODELS as OPENAI

__all__ = ["Offered", "offered"]


@dataclass(frozen=True)
class Offered:
    """An engine with a model. ``keys`` are the variables that its key is looked for in, ``where``
    the setting of its address. ``capabilities`` is None where only the service knows: it is then
    asked once. ``retired`` is the day on which the service took the model away, or empty; other
    servers may still go by its name."""

    engine: str
    model: str
    keys: tuple[str, ...]
    where: str
    capabilities: Capabilities | None
    retired: str = ""


def offered() -> tuple[Offered, ...]:
    """Every engine behind a service, each with the models that are known by name."""
    adobe = ("FIREFLY_SERVICES_CLIENT_ID", "FIREFLY_SERVICES_CLIENT_SECRET")
    return (
        Offered("a1111", "any checkpoint", (), "MAQUETTE_A1111_URL", a1111.create().declared()),
        Offered(
            "comfyui", "any checkpoint", (), "MAQUETTE_COMFYUI_URL", comfyui.create().declared()
        ),
        *(
            Offered(
                "openai",
                name,
                ("OPENAI_API_KEY",),
                "MAQUETTE_OPENAI_URL",
                openai.create(name).capabilities(),
                model.retired,
            )
            for name, model in OPENAI.items()
        ),
        *(
            Offered(
                "firefly",
                name,
                adobe,
                "MAQUETTE_FIREFLY_URL",
                firefly.create(name).capabilities(),
            )
            for name in FIREFLY
        ),
        Offered(
            "huggingface",
            "any text-to-image model",
            ("HF_TOKEN",),
            "MAQUETTE_HUGGINGFACE_URL",
            huggingface.create().capabilities(),
        ),
        Offered(
            replicate.Replicate.name,
            "any, by its own schema",
            ("REPLICATE_API_TOKEN",),
            "MAQUETTE_REPLICATE_URL",
            None,
        ),
        Offered(
            remote.Remote.name,
            "the one that it draws with",
            ("MAQUETTE_REMOTE_TOKEN",),
            "MAQUETTE_REMOTE_URL",
            None,
        ),
    )
