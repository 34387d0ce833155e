"""Another Maquette draws: its studio's HTTP API (``/api/v1``), for a machine that has the card.

Each order carries an idempotency key that is written down first: asked twice, it is drawn once,
whatever died in between. The model is known by the digest of its files, so the same seed on the
same model draws the same picture there as here, as far as their processors round alike.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.geometry import Size
from maquette.core.grammar import loras, parse
from maquette.core.picture import encode_png
from maquette.core.recipe import ModelRef, Recipe
from maquette.engines.base import Cancel, Progress, Substitution
from maquette.engines.services.checks import check_service
from maquette.engines.services.service import (
    GREETING,
    Accepted,
    Call,
    Drawn,
    Service,
    Step,
    picture_from,
)
from maquette.engines.wording import substitutions, unknown_words
from maquette.errors import ModelMissing, RecipeRefused, ServiceFailed
from maquette.net import Caller, find_key
from maquette.net.rates import wait

__all__ = ["Remote", "create"]

URL = "http://127.0.0.1:7860"
PROJECT = "From elsewhere"
"""The project there that the pictures are made in."""

EVERY = 0.3
PATIENCE = 6 * 3600.0
_TASKS = frozenset({"text-to-image", "image-to-image", "inpaint", "outpaint"})


def create(model: str = "", url: str = "", token: SecretStr | None = None) -> Remote:
    """The engine. ``url`` is the other studio's, ``token`` what it printed, else looked for in
    ``MAQUETTE_REMOTE_TOKEN``; ``model`` must be the one that it draws with."""
    return Remote(model, (url or URL).rstrip("/"), token)


class Remote(Service):
    """See the module."""

    name = "remote"
    title = "the other Maquette"

    def __init__(self, model: str, url: str, token: SecretStr | None) -> None:
        self.url, self._asked, self._token = url, model, token

    @property
    def build(self) -> str:
        """Engine, address and model."""
        model = self.capabilities().model
        named = f"; {model.name} {model.digest[:12]}" if model is not None else ""
        return f"remote 1; {urlsplit(self.url).netloc}{named}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``; asks the other studio once."""
        return self._able

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        prompt, sampling = check_service(recipe, self._able)
        self.no_lora(recipe)
        tags = () if prompt.interpreter == "plain" else loras(parse(prompt.text))
        if tags:
            raise RecipeRefused(f"no LoRA '{tags[0].name}' is sent to another Maquette")
        if recipe.task.kind != "text-to-image":
            if prompt.interpreter != "attention":
                raise RecipeRefused("edits elsewhere read their prompt as 'attention' alone")
            self._quality(sampling.sampler)
        said = substitutions(unknown_words(prompt, self._able))
        if prompt.negative and not self._able.negatives:
            reason = "its model reads no negative prompt"
            return (*said, Substitution(prompt.negative, "(nothing)", reason))
        return said

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        token = self._token or find_key("MAQUETTE_REMOTE_TOKEN", service=self.title, needed=False)
        bearer = SecretStr(f"Bearer {token.get_secret_value()}") if token is not None else None
        return Caller(
            f"{self.url}/api/v1",
            service=self.title,
            headers={"X-Maquette": "1", **({"Authorization": bearer} if bearer else {})},
            stop=(lambda: bool(cancel)) if cancel is not None else None,
            seconds=60.0,
        )

    def greet(self, caller: Caller) -> str:
        """See ``Service.greet``: the model that it draws with."""
        rows = _object(caller.get("/models", seconds=GREETING).json()).get("items") or ()
        names = [str(_object(row).get("name")) for row in rows if _object(row).get("default")]
        return f"draws with {names[0]}" if names else "it has no model"

    def handle(self, recipe: Recipe) -> Mapping[str, str]:  # noqa: ARG002
        """See ``Service.handle``."""
        return {"key": uuid.uuid4().hex}

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``."""
        known = call.intent.handle if call.intent is not None else self.handle(call.recipe)
        yield from self._order(call, known["key"])

    def find(self, call: Call, handle: Mapping[str, str]) -> Iterator[Step]:
        """Asked again under the same key, which is answered with the same job."""
        yield from self._order(call, handle["key"])

    def give_up(self, call: Call, handle: Mapping[str, str]) -> None:
        """See ``Service.give_up``."""
        if "job" in handle:
            path = f"/projects/{handle['project']}/jobs/{handle['job']}/cancel"
            call.caller.post(path, safe=True, seconds=5.0)

    def _order(self, call: Call, key: str) -> Iterator[Step]:
        place = self._project(call)
        operation, body = self._body(call, place, key)
        told = call.caller.post(
            f"{place}/operations/{operation}",
            json=body,
            headers={"Idempotency-Key": key},
            safe=True,
        ).json()
        jobs = told.get("jobs") if isinstance(told, dict) else None
        if not isinstance(jobs, list) or not jobs:
            raise ServiceFailed(f"{self.title} took an order and named no job")
        job = str(jobs[0]["id"])
        yield Accepted({"project": place.rpartition("/")[2], "job": job})
        yield from self._follow(call, place, job)

    def _follow(self, call: Call, place: str, job: str) -> Iterator[Step]:
        until, last = time.monotonic() + PATIENCE, 0
        while time.monotonic() < until:
            told = _object(call.caller.get(f"{place}/jobs/{quote(job)}").json())
            step, steps = int(told.get("step") or 0), int(told.get("steps") or 1)
            if last < step <= steps:
                last = step
                yield Progress(call.index, step, steps)
            match told.get("status"):
                case "done":
                    if last < steps:
                        yield Progress(call.index, steps, steps)
                    found = f"{place}/versions/{told['version']}"
                    image = str(_object(call.caller.get(found).json()).get("image"))
                    data = call.caller.get(f"{place}/pictures/{quote(image)}").body
                    yield Drawn(picture_from(data, self.title))
                    return
                case "failed" | "cancelled":
                    raise self.failed(call.caller.clean(str(told.get("message") or told["status"])))
                case _:
                    wait(EVERY, call.caller.wire.stop)
        raise ServiceFailed(f"{self.title} took longer than six hours", hint="order again")

    def _project(self, call: Call) -> str:
        """Where the pictures are made, as a path; made when it is not there."""
        rows = _object(call.caller.get("/projects").json()).get("items") or ()
        found = next((row for row in rows if _object(row).get("name") == PROJECT), None)
        if found is None:
            found = call.caller.post("/projects", json={"name": PROJECT}, safe=True).json()
        return f"/projects/{quote(str(_object(found).get('id')))}"

    def _body(self, call: Call, place: str, key: str) -> tuple[str, dict[str, Any]]:
        recipe, edit = call.recipe, call.edit
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
        prompt, sampling = recipe.prompt, recipe.sampling
        body: dict[str, Any] = {
            "prompt": prompt.text,
            "negative": prompt.negative,
            "seed": sampling.seed,
            "steps": sampling.steps,
            "guidance": sampling.guidance,
        }
        if edit is None:
            body |= {
                "size": [recipe.size.width, recipe.size.height],
                "sampler": sampling.sampler,
                "interpreter": prompt.interpreter,
                "maps": False,
                "flags": "none",
            }
            return "generate", body
        told = call.caller.post(
            f"{place}/imports",
            content=encode_png(edit.picture),
            # A key of its own: the same order must name the same version when it comes again.
            headers={"Content-Type": "image/png", "Idempotency-Key": f"{key}-picture"},
            safe=True,
        ).json()
        version = str(_object(told).get("id"))
        body |= {
            "version": version,
            "strength": edit.strength,
            "quality": self._quality(sampling.sampler),
        }
        if edit.mask is None:
            return "vary", {**body, "n": 1}
        mask = {"content": encode_png(edit.mask), "headers": {"Content-Type": "image/png"}}
        path = f"{place}/masks?version={quote(version)}"
        digest = _object(call.caller.post(path, safe=True, **mask).json()).get("digest")
        return "inpaint", {**body, "mask": digest, "feather": 0}

    def _quality(self, sampler: str) -> str:
        """A preset with this sampler: an edit's order names no sampler of its own."""
        for name, preset in self._able.presets.items():
            if preset.sampler == sampler:
                return name
        known = ", ".join(dict.fromkeys(each.sampler for each in self._able.presets.values()))
        raise RecipeRefused(f"edits elsewhere are sampled by {known}, not {sampler}")

    @cached_property
    def _able(self) -> Capabilities:
        with self.caller(None) as caller:
            told = _object(caller.get("/models", seconds=15.0).json())
        rows = [_object(row) for row in told.get("items") or ()]
        row = next((row for row in rows if row.get("default")), None)
        if row is None or not row.get("digest"):
            raise ModelMissing(f"{self.title} has no model")
        if self._asked and self._asked != row["name"]:
            raise ModelMissing(
                f"{self.title} draws with {row['name']}, not {self._asked}",
                hint="start it with that model",
            )
        words = row.get("vocabulary")
        return Capabilities(
            engine=self.name,
            tasks=frozenset(map(str, row["tasks"])) & _TASKS,
            model=ModelRef(name=str(row["name"]), digest=str(row["digest"])),
            best_size=Size(width=row["width"], height=row["height"]),
            multiple=row["multiple"],
            min_side=row["min_side"],
            max_side=row["max_side"],
            max_steps=row["max_steps"],
            interpreters=frozenset(row["interpreters"]),
            samplers=tuple(row["samplers"]),
            presets={
                name: Preset(
                    sampler=preset["sampler"], steps=preset["steps"], guidance=preset["guidance"]
                )
                for name, preset in row["presets"].items()
            },
            vocabulary=frozenset(words) if words is not None else None,
            negatives=bool(row.get("negatives", True)),
        )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
