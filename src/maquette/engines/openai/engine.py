"""OpenAI's Images API: ``/images/generations`` and ``/images/edits``.

A recipe's number of steps is the service's quality: 1 is the lowest (``draft``), the last the
highest (``final``). There is no seed, no guidance, no sampler. A mask of ours (white = edit)
becomes a hole in the picture's alpha.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from maquette.core.capabilities import Capabilities
from maquette.core.cost import Money
from maquette.core.picture import encode_png
from maquette.core.recipe import ImageToImage, Recipe, Reference
from maquette.engines.base import Cancel, Preview, Progress, Substitution
from maquette.engines.openai.models import capabilities, model_of
from maquette.engines.services.checks import (
    check_service,
    drawn_size,
    no_guidance,
    no_seed,
    short_enough,
)
from maquette.engines.services.edits import hole
from maquette.engines.services.prices import picture_price, token_price
from maquette.engines.services.service import (
    GREETING,
    Accepted,
    Call,
    Drawn,
    Service,
    Step,
    picture_from,
)
from maquette.engines.services.words import Words, plain_words
from maquette.errors import (
    MaquetteError,
    Moderated,
    RecipeRefused,
    ServiceBusy,
    ServiceFailed,
    SettingRefused,
    SubmittedUnknown,
)
from maquette.net import Answer, Caller, Event, Rate, find_key

__all__ = ["OpenAI", "create"]

URL = "https://api.openai.com/v1"
MODEL = "gpt-image-1.5"
PARTIALS = 2
"""Unfinished pictures that are streamed when previews are wanted."""
TOKENS_PARTIAL = 100
"""What each of them is billed as."""
TOKENS_SHOWN = 6_500
"""What a picture that is shown to a model is billed as at most: at high fidelity, not square."""

PER_MINUTE = 50
"""Requests that this machine sends at most; the account's own limit is told by 429."""

_ROLES = {
    "style": "the style",
    "character": "the character",
    "object": "the object",
    "face": "the face",
}


def create(model: str = "", url: str = "", key: SecretStr | None = None) -> OpenAI:
    """The engine. ``url`` is another server that speaks the same; ``key`` is else looked for in
    ``OPENAI_API_KEY`` and the keyring, once it is needed."""
    return OpenAI(model or MODEL, (url or URL).rstrip("/"), key)


class OpenAI(Service):
    """See the module."""

    name = "openai"
    title = "OpenAI"

    def __init__(self, model: str, url: str, key: SecretStr | None) -> None:
        self.model, self.url, self._key = model_of(model), url, key
        self._where = "" if url == URL else url
        if self._where:
            self.title = f"the server at {urlsplit(url).netloc}"
        self._able = capabilities(self.model, self._where)

    @property
    def build(self) -> str:
        """Engine, model and address: what runs behind them nobody outside can tell."""
        return f"openai 1; {self.model.name}" + (f"; {self._where}" if self._where else "")

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``."""
        return self._able

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        if self.model.retired and not self._where:
            raise RecipeRefused(
                f"OpenAI has retired {self.model.name} on {self.model.retired}",
                hint=f"use {MODEL}, or a server of yours that goes by that name",
            )
        prompt, sampling = check_service(recipe, self._able)
        task = recipe.task
        if not self.model.sizes and self.model.gpt:
            width, height = recipe.size.width, recipe.size.height
            if recipe.size.area > self.model.area or max(width, height) > 3 * min(width, height):
                raise SettingRefused(
                    f"the size {recipe.size} does not fit: up to {self.model.area:,} pixels,"
                    " no side more than three times the other",
                    hint=f"use {self._able.best_size}",
                )
        words = self._words(recipe)
        short_enough(words.text, self.model.most)
        said = [
            no_seed(sampling),
            *no_guidance(sampling),
            *words.said,
            *drawn_size(recipe, self._able),
        ]
        if isinstance(task, ImageToImage):
            given = "high" if self._faithful(recipe) else "the service's own measure"
            said.append(
                Substitution(
                    asked=f"strength {task.strength:g}",
                    given=f"input fidelity {given}" if self.model.fidelity else given,
                    reason="this service decides by itself how much it changes",
                )
            )
        for part in recipe.conditionings:
            if not isinstance(part, Reference) or part.mask is not None or part.adapter is not None:
                raise RecipeRefused(
                    f"the engine 'openai' takes no {part.kind} of this kind",
                    hint="a reference without a mask can be shown to it",
                )
            if part.strength != 1:
                said.append(
                    Substitution(f"reference at {part.strength:g}", "shown", "there is no strength")
                )
        if len(recipe.conditionings) > self._able.references:
            raise RecipeRefused(
                f"{self.model.name} looks at {self._able.references} references at most"
            )
        assert prompt is not None  # noqa: S101 - checked
        return tuple(said)

    def price(self, recipe: Recipe) -> Money:
        """See ``Billed.price``: the list price of such a picture, and by tokens what goes in with
        it and the unfinished pictures that may be shown on the way; the bill is by tokens."""
        quality = self._quality(recipe)
        size = str(self._size(recipe))
        price = picture_price(self.name, self.model.name, f"{quality} {size}", size, quality)
        shown = len(_references(recipe)) + (recipe.task.kind != "text-to-image")
        counts = {
            "text_in": len(self._words(recipe).text) // 3 + 20,
            "image_in": shown * TOKENS_SHOWN,
            "image_out": PARTIALS * TOKENS_PARTIAL,
        }
        more = token_price(self.name, self.model.name, counts)
        return price if more is None else price + more

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        needed = not self._where
        key = self._key or find_key("OPENAI_API_KEY", service="OpenAI", needed=needed)
        headers = {"Authorization": SecretStr(f"Bearer {key.get_secret_value()}")} if key else {}
        return Caller(
            self.url,
            service=self.title,
            headers=headers,
            rate=Rate(f"openai {self.url}", PER_MINUTE, burst=5),
            stop=(lambda: bool(cancel)) if cancel is not None else None,
            explain=explain,
            seconds=600.0,  # the best quality takes minutes
        )

    def greet(self, caller: Caller) -> str:
        """See ``Service.greet``: whether the account has the model."""
        told = caller.get("/models", seconds=GREETING).json()
        rows = told.get("data") if isinstance(told, dict) else None
        names = {row.get("id") for row in rows or () if isinstance(row, dict)}
        has = "there" if self.model.name in names else "not among the account's models"
        return f"{self.model.name} is {has}"

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``."""
        streams = call.previews and self.model.gpt
        fields = self._fields(call.recipe)
        if streams:
            fields |= {"stream": "true", "partial_images": str(PARTIALS)}
        if call.edit is None and not call.recipe.conditionings:
            path = "/images/generations"
            asked: dict[str, Any] = {"json": _typed(fields)}
        else:
            path = "/images/edits"
            asked = {"data": fields, "files": self._files(call)}
        if streams:
            yield from self._streamed(call, call.caller.events(path, **asked))
            return
        answer = call.caller.post(path, **asked)
        yield Accepted(_request(answer.headers))
        yield Progress(call.index, 1, 1)
        yield self._drawn(answer.json(), call)

    def _streamed(self, call: Call, events: Iterator[Event]) -> Iterator[Step]:
        steps = PARTIALS + 1
        for event in events:
            told = event.json()
            kind = str(told.get("type", event.name)) if isinstance(told, dict) else ""
            if kind.endswith("partial_image"):
                step = min(int(told.get("partial_image_index", 0)) + 1, PARTIALS)
                yield Progress(call.index, step, steps)
                with suppress(ServiceFailed):  # a preview that is broken costs no picture
                    image = picture_from(_bytes(told.get("b64_json")), self.title)
                    image.thumbnail((256, 256))
                    yield Preview(call.index, step, image.convert("RGB"))
            elif kind.endswith("completed"):
                yield Accepted()
                yield Progress(call.index, steps, steps)
                yield self._drawn({"data": [told], "usage": told.get("usage")}, call)
                return
            elif kind == "error":
                refused = explain(Answer(400, {}, event.data.encode()))
                raise refused or self.failed(call.caller.clean(str(told.get("error", ""))))
            elif not kind:  # a server that does not stream answers as ever
                yield Accepted()
                yield self._drawn(told, call)
                return
        # Ended in good order, without the picture: what drew it may well be billed.
        raise SubmittedUnknown(f"{self.title} ended its stream before the picture came")

    def _drawn(self, told: Any, call: Call) -> Drawn:
        rows = told.get("data") if isinstance(told, dict) else None
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        if url := row.get("url"):
            data = call.caller.get(str(url)).body
        else:
            data = _bytes(row.get("b64_json"))
        return Drawn(picture_from(data, self.title), self._bill(told.get("usage")))

    def _bill(self, usage: Any) -> Money | None:
        if not isinstance(usage, dict):
            return None
        details = usage.get("input_tokens_details") or {}
        total, image = int(usage.get("input_tokens", 0)), int(details.get("image_tokens", 0))
        counts = {
            "text_in": int(details.get("text_tokens", total - image)),
            "image_in": image,
            "image_out": int(usage.get("output_tokens", 0)),
        }
        return token_price(self.name, self.model.name, counts)

    def _fields(self, recipe: Recipe) -> dict[str, str]:
        fields = {
            "model": self.model.name,
            "prompt": self._words(recipe).text,
            "n": "1",
            "size": str(self._size(recipe)),
        }
        if quality := self._quality(recipe):
            fields["quality"] = quality
        if self.model.gpt:
            fields["output_format"] = "png"
        else:
            fields["response_format"] = "b64_json"
        if self.model.fidelity and self._faithful(recipe):
            fields["input_fidelity"] = "high"
        return fields

    def _files(self, call: Call) -> list[tuple[str, tuple[str, bytes, str]]]:
        pictures = [call.inputs[part.image] for part in _references(call.recipe)]
        mask = None
        if call.edit is not None:
            edit = call.edit.at(self._size(call.recipe))
            pictures.insert(0, edit.picture)
            mask = hole(edit.picture, edit.mask) if edit.mask is not None else None
        name = "image[]" if self.model.gpt else "image"
        files = [
            (name, (f"{place}.png", encode_png(picture), "image/png"))
            for place, picture in enumerate(pictures)
        ]
        if mask is not None:
            files.append(("mask", ("mask.png", encode_png(mask), "image/png")))
        return files

    def _words(self, recipe: Recipe) -> Words:
        assert recipe.prompt is not None  # noqa: S101 - checked
        words = plain_words(recipe.prompt, negative=False)
        first = 1 if recipe.task.kind == "text-to-image" else 2
        lines = [
            f"Take {_ROLES[part.role]} from picture {place}."
            for place, part in enumerate(_references(recipe), first)
        ]
        return Words("\n".join([words.text, *lines]), "", words.said)

    def _size(self, recipe: Recipe) -> Any:
        work = getattr(recipe.task, "work", None)
        return self._able.nearest(work) if work is not None else recipe.size

    def _quality(self, recipe: Recipe) -> str:
        steps = recipe.sampling.steps if recipe.sampling is not None else 1
        return self.model.qualities[steps - 1] if self.model.qualities else ""

    def _faithful(self, recipe: Recipe) -> bool:
        return isinstance(recipe.task, ImageToImage) and recipe.task.strength <= 0.5


def explain(answer: Answer) -> MaquetteError | None:
    """What OpenAI's error codes mean, beyond their status."""
    code = answer.said("error", "code") or answer.said("error", "type")
    said = answer.said("error", "message")
    if code in {"moderation_blocked", "content_policy_violation"}:
        return Moderated(f"OpenAI's content rules: {said}")
    if code in {"insufficient_quota", "billing_hard_limit_reached"}:
        return ServiceBusy(f"OpenAI: {said}", hint="the account's own budget is spent")
    return None


def _references(recipe: Recipe) -> list[Reference]:
    return [part for part in recipe.conditionings if isinstance(part, Reference)]


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """JSON wants numbers where a form has text."""
    numbers = {key: int(fields[key]) for key in ("n", "partial_images") if key in fields}
    return {**fields, **numbers, **({"stream": True} if "stream" in fields else {})}


def _request(headers: Mapping[str, str]) -> dict[str, str]:
    found = headers.get("x-request-id", "")
    return {"request": found} if found else {}


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ServiceFailed("the answer holds no picture") from error
