"""Replicate: predictions that are created, followed and looked up again.

What a model takes is read from its own schema, so one mapping serves all of them. A prediction's
id is written down at once; one whose creation got no answer is looked for among the newest
predictions of the account, by its input.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from PIL import Image
from pydantic import SecretStr

from maquette.core.capabilities import Capabilities
from maquette.core.cost import Money
from maquette.core.picture import encode_png
from maquette.core.recipe import Recipe
from maquette.engines.base import Cancel, Progress, Substitution
from maquette.engines.replicate.schema import Schema, read_schema
from maquette.engines.services.checks import check_service, drawn_size, no_guidance, no_seed
from maquette.engines.services.edits import base64_png
from maquette.engines.services.prices import picture_price
from maquette.engines.services.service import (
    GREETING,
    Accepted,
    Call,
    Drawn,
    NotThere,
    Service,
    Spent,
    Step,
    picture_from,
    service_model,
)
from maquette.engines.services.words import plain_words
from maquette.errors import ModelRefused, Moderated, ServiceFailed, SubmittedUnknown
from maquette.net import Caller, Rate, fetch, find_key
from maquette.net.rates import wait

__all__ = ["Replicate", "create"]

URL = "https://api.replicate.com/v1"
MODEL = "black-forest-labs/flux-schnell"
INLINE = 256 * 1024
"""Bytes up to which a picture travels in the request itself."""

EVERY = 0.7
"""Seconds between two looks at a prediction."""

SETTLE = 5.0
"""Seconds after which a prediction that was created stands in the list."""

PATIENCE = 3600.0
CLOCKS = timedelta(minutes=2)
"""How far the service's clock and ours may be apart."""

_DONE = frozenset({"succeeded", "failed", "canceled", "aborted"})


def create(model: str = "", url: str = "", key: SecretStr | None = None) -> Replicate:
    """The engine. ``model`` is ``owner/name`` or ``owner/name:version``; ``key`` is else looked
    for in ``REPLICATE_API_TOKEN`` and the keyring."""
    return Replicate(model or MODEL, (url or URL).rstrip("/"), key)


class Replicate(Service):
    """See the module."""

    name = "replicate"
    title = "Replicate"

    def __init__(self, model: str, url: str, key: SecretStr | None) -> None:
        self.model, _, self.version = model.partition(":")
        self.url, self._key = url, key
        self._reference = service_model(self.name, model)

    @property
    def build(self) -> str:
        """Engine and model, with its version where one was named."""
        return f"replicate 1; {self._reference.name}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``; asks the service once what the model takes."""
        return self._schema.capabilities(self._reference)

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        able, schema = self.capabilities(), self._schema
        prompt, sampling = check_service(recipe, able)
        self.no_lora(recipe)
        said = list(plain_words(prompt, negative=able.negatives).said)
        said += drawn_size(recipe, able)
        if not able.seeds:
            said.append(no_seed(sampling))
        if not schema.guidance:
            said += no_guidance(sampling)
        if not schema.steps and sampling.steps != 1:
            said.append(Substitution(f"{sampling.steps} steps", "its own", "it takes no number"))
        strength = getattr(recipe.task, "strength", 1.0)
        if strength != 1 and not schema.strength:
            said.append(Substitution(f"strength {strength:g}", "1", "it takes none"))
        return tuple(said)

    def price(self, recipe: Recipe) -> Money:  # noqa: ARG002 - one price for all
        """See ``Billed.price``."""
        return picture_price(self.name, self.model)

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        key = self._key or find_key("REPLICATE_API_TOKEN", service="Replicate")
        assert key is not None  # noqa: S101 - it is needed
        return Caller(
            self.url,
            service=self.title,
            headers={"Authorization": SecretStr(f"Bearer {key.get_secret_value()}")},
            rate=Rate(f"replicate {self.url}", 600, burst=10),
            stop=(lambda: bool(cancel)) if cancel is not None else None,
            seconds=60.0,
        )

    def greet(self, caller: Caller) -> str:
        """See ``Service.greet``: the account's kind, which needs the key."""
        told = _object(caller.get("/account", seconds=GREETING).json())
        return f"signed in as {told['type']}" if told.get("type") else "signed in"

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``."""
        body: dict[str, Any] = {"input": self._input(call)}
        call.caller.wire.sent = False  # a picture that was uploaded draws nothing
        path = f"/models/{self.model}/predictions"
        if self.version:
            path, body["version"] = "/predictions", self.version
        told = _object(call.caller.post(path, json=body).json())
        if not told.get("id"):
            raise SubmittedUnknown("Replicate took the request and did not say under which id")
        yield Accepted({"id": str(told["id"])})
        yield from self._follow(call, told)

    def find(self, call: Call, handle: Mapping[str, str]) -> Iterator[Step]:
        """See ``Service.find``."""
        name = handle.get("id") or self._look_for(call)
        yield Accepted({"id": name})
        yield from self._follow(call, {"id": name})

    def give_up(self, call: Call, handle: Mapping[str, str]) -> None:
        """See ``Service.give_up``."""
        if name := handle.get("id"):
            call.caller.post(f"/predictions/{quote(name)}/cancel", safe=True, seconds=5.0)

    def _follow(self, call: Call, told: Mapping[str, Any]) -> Iterator[Step]:
        path, until, last = f"/predictions/{quote(str(told['id']))}", time.monotonic() + PATIENCE, 0
        while str(told.get("status")) not in _DONE:
            if time.monotonic() > until:
                raise ServiceFailed("Replicate took longer than an hour", hint="order again")
            wait(EVERY if told.get("status") else 0.0, call.caller.wire.stop)
            told = _object(call.caller.get(path).json())
            done = re.findall(r"(\d{1,3})%\|", str(told.get("logs") or ""))
            if done and last < int(done[-1]) < 100:
                last = int(done[-1])
                yield Progress(call.index, last, 100)
        if told["status"] != "succeeded":
            raise self._why(told, call)
        if told.get("data_removed"):
            raise SubmittedUnknown(
                "Replicate has drawn this and has thrown the picture away since",
                hint="it is on the bill: 'maquette intents write-off', and order again",
            )
        yield Progress(call.index, 100, 100)
        yield Drawn(self._result(call, told.get("output")))

    def _why(self, told: Mapping[str, Any], call: Call) -> Exception:
        error = call.caller.clean(str(told.get("error") or told["status"]))
        if told["status"] == "canceled":
            return Spent(f"{self.title}: {error}; what it did until then is on the bill")
        if re.search(r"nsfw|sensitive|safety|moderat|flagged", error, re.IGNORECASE):
            return Moderated(f"Replicate: {error}")
        return self.failed(error)

    def _result(self, call: Call, output: Any) -> Image.Image:
        """Its files live for an hour: fetched at once."""
        first = output[0] if isinstance(output, list) and output else output
        link = str(first or "")
        if link.startswith("data:"):
            try:
                return picture_from(base64.b64decode(link.partition(",")[2]), self.title)
            except binascii.Error as error:
                raise ServiceFailed("Replicate sent something that is no picture") from error
        if not link:
            raise self.failed("the prediction ended without a picture")
        if urlsplit(link).netloc == urlsplit(self.url).netloc:
            return picture_from(call.caller.get(link).body, self.title)
        return fetch(link, stop=call.caller.wire.stop).image

    def _look_for(self, call: Call) -> str:
        """The prediction whose creation got no answer, among the newest.

        Raises:
            NotThere: there is none, so it was never created.
            SubmittedUnknown: more have been created since than the list holds.
        """
        assert call.intent is not None  # noqa: S101 - only what was written down is looked for
        since = call.intent.at - CLOCKS
        wait((call.intent.at - datetime.now(UTC)).total_seconds() + SETTLE, call.caller.wire.stop)
        rows = _object(call.caller.get("/predictions").json()).get("results")
        found = [_object(row) for row in rows] if isinstance(rows, list) else []
        plain = self._fields(call)
        for row in found:
            theirs = _object(row.get("input"))
            if _at(row) >= since and plain.items() <= theirs.items() and row.get("id"):
                return str(row["id"])
        if any(_at(row) >= since and row.get("data_removed") for row in found):
            raise SubmittedUnknown(
                "Replicate keeps the words of a prediction for an hour, and this was before that"
            )
        if found and min(map(_at, found)) > since and len(found) >= 100:
            raise SubmittedUnknown("Replicate lists no prediction as old as this one")
        raise NotThere

    def _fields(self, call: Call) -> dict[str, Any]:
        """The input without its pictures."""
        recipe, schema, able = call.recipe, self._schema, self.capabilities()
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
        words = plain_words(recipe.prompt, negative=able.negatives)
        sampling = recipe.sampling
        size = recipe.size if call.edit is None else call.edit.size
        fields: dict[str, Any] = {"prompt": words.text}
        if able.negatives and words.negative:
            fields["negative_prompt"] = words.negative
        if able.seeds:
            fields["seed"] = sampling.seed
        if schema.steps:
            fields[schema.steps] = sampling.steps
        if schema.guidance:
            fields[schema.guidance] = sampling.guidance
        if able.sizes:
            fields["aspect_ratio"] = schema.aspects()[able.nearest(size)]
        elif "width" in schema.fields:
            fields |= {"width": size.width, "height": size.height}
        if "num_outputs" in schema.fields:
            fields["num_outputs"] = 1
        if "output_format" in schema.fields:
            fields["output_format"] = "png"
        if call.edit is not None and schema.strength:
            fields[schema.strength] = call.edit.strength
        return fields

    def _input(self, call: Call) -> dict[str, Any]:
        fields = self._fields(call)
        if call.edit is not None:
            fields[self._schema.image] = self._sent(call, call.edit.picture)
            if call.edit.mask is not None:
                mask = call.edit.mask
                if self._schema.inverted:
                    mask = mask.point([255 - value for value in range(256)])
                fields[self._schema.mask] = self._sent(call, mask)
        return fields

    def _sent(self, call: Call, image: Image.Image) -> str:
        data = encode_png(image)
        if len(data) <= INLINE:
            return base64_png(image, url=True)
        files = {"content": ("picture.png", data, "image/png")}
        told = _object(call.caller.post("/files", files=files, safe=True).json())
        return str(_object(told.get("urls")).get("get", ""))

    @cached_property
    def _schema(self) -> Schema:
        with self.caller(None) as caller:
            told = _object(caller.get(f"/models/{self.model}", seconds=15.0).json())
            if self.version:
                path = f"/models/{self.model}/versions/{quote(self.version)}"
                told = {"latest_version": caller.get(path, seconds=15.0).json()}
        schema = read_schema(told)
        if schema is None:
            raise ModelRefused(
                f"{self.model} does not draw from words", hint="name another model of Replicate's"
            )
        return schema


def _at(row: Mapping[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(str(row.get("created_at")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
