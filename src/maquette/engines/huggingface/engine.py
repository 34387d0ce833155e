"""Hugging Face's ``hf-inference`` (text-to-image, image-to-image) and Inference Endpoints.

``{"inputs", "parameters"}`` in, the picture's bytes out. Other providers behind its router speak
protocols of their own; ``replicate`` and ``openai`` (with its URL) are engines here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.cost import Money
from maquette.core.geometry import Size
from maquette.core.recipe import ImageToImage, Recipe
from maquette.engines.base import Cancel, Progress, Substitution
from maquette.engines.services.checks import check_service
from maquette.engines.services.edits import base64_png
from maquette.engines.services.prices import picture_price
from maquette.engines.services.service import (
    GREETING,
    Accepted,
    Call,
    Drawn,
    Service,
    Step,
    picture_from,
    service_model,
)
from maquette.engines.services.words import plain_words
from maquette.errors import MaquetteError, Moderated, ServiceBusy, ServiceRefused
from maquette.net import Answer, Caller, Rate, find_key

__all__ = ["HuggingFace", "create"]

URL = "https://router.huggingface.co/hf-inference"
HUB = "https://huggingface.co"
MODEL = "black-forest-labs/FLUX.1-dev"


def create(model: str = "", url: str = "", key: SecretStr | None = None) -> HuggingFace:
    """The engine. ``url`` is an Inference Endpoint of one's own, which has one model; ``key`` is
    else looked for in ``HF_TOKEN`` and the keyring."""
    return HuggingFace(model or MODEL, url.rstrip("/"), key)


class HuggingFace(Service):
    """See the module."""

    name = "huggingface"
    title = "Hugging Face"

    def __init__(self, model: str, url: str, key: SecretStr | None) -> None:
        self.model, self.url, self._key = model, url, key
        self._path = "" if url else f"/models/{quote(model)}"
        self._reference = service_model(self.name, model, url)

    @property
    def build(self) -> str:
        """Engine, model and address."""
        where = f"; {urlsplit(self.url).netloc}" if self.url else ""
        return f"huggingface 1; {self.model}{where}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``. There is no mask in its protocol."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset({"text-to-image", "image-to-image"}),
            model=self._reference,
            best_size=Size(width=1024, height=1024),
            multiple=8,
            min_side=256,
            max_side=2048,
            max_steps=100,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=("ddim",),
            presets={
                "draft": Preset(sampler="ddim", steps=4, guidance=3.5),
                "preview": Preset(sampler="ddim", steps=12, guidance=3.5),
                "final": Preset(sampler="ddim", steps=28, guidance=3.5),
            },
            weights=False,
            billed=True,
        )

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        prompt, sampling = check_service(recipe, self.capabilities())
        self.no_lora(recipe)
        said = list(plain_words(prompt, negative=True).said)
        if isinstance(recipe.task, ImageToImage):
            strength = f"strength {recipe.task.strength:g}"
            said.append(Substitution(strength, "the model's own", "its protocol has none"))
            seed = f"seed {sampling.seed}"
            said.append(Substitution(seed, "chance", "its protocol has none for pictures"))
        return tuple(said)

    def price(self, recipe: Recipe) -> Money:  # noqa: ARG002 - one price for all
        """See ``Billed.price``."""
        return picture_price(self.name, self.model)

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        return self._caller(self.url or URL, cancel)

    def _caller(self, where: str, cancel: Cancel | None) -> Caller:
        key = self._key or find_key("HF_TOKEN", service="Hugging Face")
        assert key is not None  # noqa: S101 - it is needed
        return Caller(
            where,
            service=self.title,
            headers={"Authorization": SecretStr(f"Bearer {key.get_secret_value()}")},
            rate=Rate(f"huggingface {self.url}", 60, burst=5),
            stop=(lambda: bool(cancel)) if cancel is not None else None,
            explain=explain,
            seconds=300.0,
        )

    def greet(self, caller: Caller) -> str:
        """See ``Service.greet``. The hub knows whose key it is; an endpoint of one's own has no
        address for that, so any answer of its own will do."""
        if self.url:
            try:
                caller.get("/health", seconds=GREETING)
            except ServiceRefused:
                return "the endpoint answers"
            return "the endpoint is ready"
        with self._caller(HUB, None) as hub:
            hub.tries = 1
            hub.get("/api/whoami-v2", seconds=GREETING)
        return "signed in"

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``."""
        answer = call.caller.post(
            self._path, json=self._body(call), headers={"Accept": "image/png"}
        )
        yield Accepted()
        yield Progress(call.index, 1, 1)
        yield Drawn(picture_from(answer.body, self.title))

    def _body(self, call: Call) -> dict[str, Any]:
        recipe = call.recipe
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
        words, sampling = plain_words(recipe.prompt, negative=True), recipe.sampling
        parameters: dict[str, Any] = {
            "num_inference_steps": sampling.steps,
            "guidance_scale": sampling.guidance,
        }
        if words.negative:
            parameters["negative_prompt"] = words.negative
        width, height = recipe.size.width, recipe.size.height
        if call.edit is None:
            parameters |= {"seed": sampling.seed, "width": width, "height": height}
            return {"inputs": words.text, "parameters": parameters}
        parameters |= {"prompt": words.text, "target_size": {"width": width, "height": height}}
        return {"inputs": base64_png(call.edit.picture), "parameters": parameters}


def explain(answer: Answer) -> MaquetteError | None:
    """What its own errors mean."""
    said = answer.said("error")
    if answer.status == 402:
        return ServiceBusy(f"Hugging Face: {said or 'the included credits are spent'}")
    if answer.status == 400 and any(word in said.lower() for word in ("nsfw", "safety", "moderat")):
        return Moderated(f"Hugging Face: {said}")
    return None
