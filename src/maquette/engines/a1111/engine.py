"""A server of the A1111 family: ``/sdapi/v1/txt2img`` and ``img2img``.

It answers with the picture itself, has no job ids and does one thing at a time; what was lost is
asked for again, since a server of one's own sends no bill. A mask of ours is one of theirs. What
only SD.Next or only A1111 and Forge know of a request, the others pass over.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from pydantic import SecretStr

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.geometry import Size
from maquette.core.recipe import ModelRef, Recipe
from maquette.engines.base import Cancel, Preview, Progress, Substitution
from maquette.engines.services.checks import check_service
from maquette.engines.services.edits import base64_png
from maquette.engines.services.service import (
    GREETING,
    Accepted,
    Call,
    Drawn,
    NotThere,
    Service,
    Step,
    picture_from,
    service_model,
)
from maquette.engines.services.words import a1111_words
from maquette.errors import MaquetteError, ModelMissing, ServiceFailed, ServiceRefused
from maquette.net import Answer, Caller, find_key
from maquette.net.rates import wait

__all__ = ["A1111", "create"]

URL = "http://127.0.0.1:7860"
SAMPLERS = {
    "ddim": "DDIM",
    "dpm++": "DPM++ 2M",
    "euler": "Euler",
    "euler-a": "Euler a",
    "lcm": "LCM",
}
LOOK_EVERY = 0.4
"""Seconds between two looks at the progress."""


def create(model: str = "", url: str = "", auth: SecretStr | None = None) -> A1111:
    """The engine. ``model`` is a checkpoint of the server's (default: the one it has loaded);
    ``auth`` is ``name:password``, else looked for in ``MAQUETTE_A1111_AUTH``."""
    return A1111(model, (url or URL).rstrip("/"), auth)


@dataclass(frozen=True)
class Server:
    """What a server has: its checkpoint as it calls it, our name for it, and its samplers."""

    title: str
    model: ModelRef
    samplers: tuple[str, ...]


class A1111(Service):
    """See the module."""

    name = "a1111"
    title = "the A1111 server"

    def __init__(self, model: str, url: str, auth: SecretStr | None) -> None:
        self.url, self._asked, self._auth = url, model, auth
        self._ahead: WeakKeyDictionary[Caller, str] = WeakKeyDictionary()

    @property
    def build(self) -> str:
        """Engine, address and checkpoint; the server's own version is in its hands."""
        model = self._server.model
        return f"a1111 1; {urlsplit(self.url).netloc}; {model.name} {model.digest[:12]}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``; asks the server once what it has."""
        return self.declared(self._server.model, self._server.samplers)

    def declared(
        self, model: ModelRef | None = None, samplers: tuple[str, ...] = tuple(SAMPLERS)
    ) -> Capabilities:
        """The same for a model and what samples it, without asking."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset({"text-to-image", "image-to-image", "inpaint", "outpaint"}),
            model=model,
            best_size=Size(width=512, height=512),
            multiple=8,
            min_side=64,
            max_side=2048,
            max_steps=150,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=samplers,
            presets={
                "draft": Preset(sampler=samplers[0], steps=8, guidance=5),
                "preview": Preset(sampler=samplers[0], steps=15, guidance=6),
                "final": Preset(sampler=samplers[0], steps=28, guidance=7),
            },
        )

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        prompt, _ = check_service(recipe, self.capabilities())
        self.no_lora(recipe)
        return a1111_words(prompt).said

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        pair = self._auth or find_key("MAQUETTE_A1111_AUTH", service=self.title, needed=False)
        name, _, password = (pair.get_secret_value() if pair else "").partition(":")
        return Caller(
            self.url,
            service=self.title,
            auth=(name, SecretStr(password)) if name else None,
            stop=(lambda: bool(cancel)) if cancel is not None else None,
            explain=explain,
            seconds=1800.0,
        )

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``: the request waits in a thread while the progress is looked at."""
        path = "/sdapi/v1/txt2img" if call.edit is None else "/sdapi/v1/img2img"
        body = self._body(call)
        self._ahead[call.caller] = _at_work(call.caller)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(call.caller.post, path, json=body)
            yield from self._watch(call, answer)
            told = answer.result()
        yield Accepted()
        data = told.json()
        images = data.get("images") if isinstance(data, dict) else None
        if not isinstance(images, list) or not images:
            raise ServiceFailed(
                f"{self.title} answers without a picture", hint="its own log says why"
            )
        yield Drawn(picture_from(_bytes(images[0]), self.title))

    def find(self, call: Call, handle: Mapping[str, str]) -> Iterator[Step]:  # noqa: ARG002
        """Nothing can be looked up, and nothing is billed: ask again."""
        raise NotThere

    def greet(self, caller: Caller) -> str:
        """See ``Service.greet``: the checkpoint that it has loaded."""
        told = caller.get("/sdapi/v1/options", seconds=GREETING).json()
        return str(told.get("sd_model_checkpoint") or "") if isinstance(told, dict) else ""

    def give_up(self, call: Call, handle: Mapping[str, str]) -> None:  # noqa: ARG002
        """Interrupt what it draws, where that is ours: it draws one thing at a time, for whoever
        asks, and others may be before us. A server that knows no tasks is interrupted unless it
        still does what it did when we came."""
        if task := _task(call):
            body = {"id_task": task, "id_live_preview": -1}
            with suppress(ServiceRefused):
                path = "/internal/progress"
                told = call.caller.post(path, json=body, safe=True, seconds=5.0).json()
                # SD.Next has this answer and knows no task: then none of them is true.
                if isinstance(told, dict) and (told.get("queued") or told.get("completed")):
                    return
        if (ahead := self._ahead.get(call.caller)) and _at_work(call.caller) == ahead:
            return
        call.caller.post("/sdapi/v1/interrupt", safe=True, seconds=5.0)

    def _watch(self, call: Call, answer: Future[Answer]) -> Iterator[Step]:
        steps = call.recipe.sampling.steps if call.recipe.sampling else 1
        last, path = 0, f"/sdapi/v1/progress?skip_current_image={not call.previews}".lower()
        with self.caller(None) as looking:
            while not answer.done():
                # Cancelling is felt by the request itself; this only waits for it to end.
                wait(0.05)
                if answer.done():
                    break
                try:
                    told = looking.get(path, seconds=5.0).json()
                except MaquetteError:
                    continue
                state = told.get("state") if isinstance(told, dict) else None
                step = int((state or {}).get("sampling_step") or 0)
                if 0 < step <= steps and step > last:
                    last = step
                    yield Progress(call.index, step, steps)
                    if call.previews and (shown := told.get("current_image")):
                        with suppress(ServiceFailed):  # a preview that is broken costs no picture
                            image = picture_from(_bytes(shown), self.title).convert("RGB")
                            image.thumbnail((256, 256))
                            yield Preview(call.index, step, image)
                for _ in range(int(LOOK_EVERY / 0.05)):
                    if answer.done():
                        break
                    wait(0.05)
        if answer.exception() is None and last < steps:
            yield Progress(call.index, steps, steps)

    def _body(self, call: Call) -> dict[str, Any]:
        recipe = call.recipe
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
        words, sampling = a1111_words(recipe.prompt), recipe.sampling
        size = recipe.size if call.edit is None else call.edit.size
        body: dict[str, Any] = {
            "prompt": words.text,
            "negative_prompt": words.negative,
            "seed": sampling.seed,
            "subseed_strength": 0,
            "steps": sampling.steps,
            "cfg_scale": sampling.guidance,
            "sampler_name": SAMPLERS[sampling.sampler],
            "width": size.width,
            "height": size.height,
            "batch_size": 1,
            "n_iter": 1,
            "send_images": True,
            "save_images": False,
            # Noise from the processor, as ours is: the same seed on every card.
            "override_settings": {
                "sd_model_checkpoint": self._server.title,
                "randn_source": "CPU",
            },
            "override_settings_restore_afterwards": True,
            # The same for SD.Next; its DDIM would draw new noise at each step, and its weights
            # would make all words louder.
            "diffusers_generator_device": "CPU",
            "scheduler_eta": 0.0,
            "prompt_mean_norm": True,
        }
        if task := _task(call):
            body["force_task_id"] = task
        if call.edit is None:
            return body
        body |= {
            "init_images": [base64_png(call.edit.picture)],
            "denoising_strength": call.edit.strength,
            "resize_mode": 0,
        }
        if call.edit.mask is not None:
            body |= {
                "mask": base64_png(call.edit.mask),
                "mask_blur": 0,
                "inpainting_fill": 1,
                "inpaint_full_res": False,
                "inpainting_mask_invert": 0,
            }
        return body

    @cached_property
    def _server(self) -> Server:
        with self.caller(None) as caller:
            models = caller.get("/sdapi/v1/sd-models", seconds=10.0).json()
            options = caller.get("/sdapi/v1/options", seconds=10.0).json()
            found = caller.get("/sdapi/v1/samplers", seconds=10.0).json()
        rows = [row for row in models if isinstance(row, dict)] if isinstance(models, list) else []
        asked = self._asked or str(options.get("sd_model_checkpoint", ""))
        row = next((row for row in rows if asked in _names(row)), None)
        if row is None:
            known = ", ".join(str(row.get("model_name")) for row in rows[:8]) or "none"
            raise ModelMissing(f"there is no checkpoint '{asked}'", hint=f"the server has {known}")
        there = {str(each.get("name")) for each in found} if isinstance(found, list) else set()
        samplers = tuple(ours for ours, theirs in SAMPLERS.items() if theirs in there)
        if not samplers:
            raise ServiceFailed(f"{self.title} has none of {', '.join(SAMPLERS.values())}")
        title = str(row.get("title") or row.get("model_name"))
        return Server(title, self._reference(row), samplers)

    def _reference(self, row: Mapping[str, Any]) -> ModelRef:
        """The file's own SHA-256 where the server has counted it."""
        name = str(row.get("model_name") or row.get("title"))
        digest = str(row.get("sha256") or "")
        if len(digest) == 64 and set(digest) <= set("0123456789abcdef"):
            return ModelRef(name=name, digest=digest)
        return service_model(self.name, name)


def _task(call: Call) -> str:
    """By what name the server goes by this request (from 1.7 on), if it was written down."""
    return f"task(maquette-{call.intent.id})" if call.intent is not None else ""


def _at_work(caller: Caller) -> str:
    """When what the server draws was begun, as it writes it; nothing when it draws nothing."""
    path = "/sdapi/v1/progress?skip_current_image=true"
    told = caller.get(path, seconds=GREETING).json()
    state = told.get("state") if isinstance(told, dict) else None
    if not isinstance(state, dict) or not state.get("job_count"):
        return ""
    return str(state.get("job_timestamp") or "")


def explain(answer: Answer) -> MaquetteError | None:
    """What its own errors mean: ``{"error": "OutOfMemoryError", "errors": "…"}``."""
    if answer.status == 404 and answer.said("detail") == "Not Found":
        return ServiceRefused("this server has no API", hint="start it with --api")
    if answer.status == 500 and (error := answer.said("error")):
        return ServiceFailed(f"the A1111 server: {error} {answer.said('errors')}".strip())
    return None


def _names(row: Mapping[str, Any]) -> set[str]:
    return {str(row.get(key)) for key in ("title", "model_name", "hash", "filename")}


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text).rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceFailed("the answer holds no picture") from error
