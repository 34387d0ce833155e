"""Adobe Firefly's v3 API: ``generate-async``, ``fill-async``, ``expand-async``.

A job answers with the URLs to follow and to cancel it by; those are written down and followed,
none is made up. Pictures are uploaded first. One whose creation got no answer cannot be looked up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from pydantic import SecretStr

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.cost import Money
from maquette.core.geometry import Size
from maquette.core.picture import encode_png
from maquette.core.recipe import Outpaint, Recipe
from maquette.engines.base import Cancel, Pong, Progress, Substitution
from maquette.engines.services.checks import (
    check_service,
    drawn_size,
    no_guidance,
    short_enough,
)
from maquette.engines.services.prices import picture_price
from maquette.engines.services.service import (
    Accepted,
    Call,
    Drawn,
    Service,
    Step,
    picture_from,
    service_model,
)
from maquette.engines.services.words import plain_words
from maquette.errors import (
    MaquetteError,
    ModelMissing,
    Moderated,
    ServiceFailed,
    ServiceKeyRefused,
    SubmittedUnknown,
)
from maquette.net import Answer, Caller, Rate, fetch, find_key
from maquette.net.rates import wait

__all__ = ["Firefly", "create"]

URL = "https://firefly-api.adobe.io"
IMS = "https://ims-na1.adobelogin.com"
SCOPE = "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"
MODELS = ("image4_standard", "image4_ultra", "image3", "image3_custom")
SIZES = (
    *((2048, 2048), (2304, 1792), (1792, 2304), (2688, 1536), (1440, 2560)),
    *((1024, 1024), (1152, 896), (896, 1152), (1344, 768)),
)
PER_MINUTE = 4
EVERY = 1.0
PATIENCE = 1800.0
MOST_WORDS = 1024
_RULES = ("unsafe", "policy", "moderat", "unallowed", "not allowed", "blocked", "denylist")


def create(
    model: str = "",
    url: str = "",
    client: SecretStr | None = None,
    secret: SecretStr | None = None,
) -> Firefly:
    """The engine. ``client`` and ``secret`` are else looked for in
    ``FIREFLY_SERVICES_CLIENT_ID`` and ``FIREFLY_SERVICES_CLIENT_SECRET`` and the keyring.

    Raises:
        ModelMissing: an unknown model.
    """
    if model and model not in MODELS:
        raise ModelMissing(f"Firefly has no '{model}'", hint=f"it has {', '.join(MODELS)}")
    return Firefly(model or MODELS[0], (url or URL).rstrip("/"), client, secret)


class Firefly(Service):
    """See the module."""

    name = "firefly"
    title = "Adobe Firefly"

    def __init__(
        self, model: str, url: str, client: SecretStr | None, secret: SecretStr | None
    ) -> None:
        self.model, self.url = model, url
        self._ims = IMS if url == URL else url
        self._pair = client, secret
        self._token: tuple[SecretStr, float] | None = None

    @property
    def build(self) -> str:
        """Engine and model version."""
        return f"firefly 1; {self.model}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset({"text-to-image", "inpaint", "outpaint"}),
            model=service_model(self.name, self.model),
            best_size=Size(width=1024, height=1024),
            multiple=8,
            min_side=256,
            max_side=3000,
            sizes=tuple(Size(width=width, height=height) for width, height in SIZES),
            max_steps=1,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=("ddim",),
            presets={
                name: Preset(sampler="ddim", steps=1, guidance=0)
                for name in ("draft", "preview", "final")
            },
            weights=False,
            billed=True,
        )

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        able = self.capabilities()
        prompt, sampling = check_service(recipe, able)
        self.no_lora(recipe)
        words = plain_words(prompt, negative=True)
        short_enough(words.text, MOST_WORDS)
        short_enough(words.negative, MOST_WORDS)
        said = [*words.said, *no_guidance(sampling)]
        task = recipe.task
        if isinstance(task, Outpaint):
            if words.negative:
                said.append(Substitution(prompt.negative, "(nothing)", "expanding takes none"))
        else:
            said += drawn_size(recipe, able)
        strength = getattr(task, "strength", 1.0)
        if strength != 1:
            said.append(Substitution(f"strength {strength:g}", "1", "filling takes none"))
        return tuple(said)

    def price(self, recipe: Recipe) -> Money:  # noqa: ARG002 - one price for all
        """See ``Billed.price``: contracts differ, so this is a guess."""
        return picture_price(self.name, self.model)

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        client, secret = self._keys()
        stop = (lambda: bool(cancel)) if cancel is not None else None
        token = self._signed_in(client, secret)
        return Caller(
            self.url,
            service=self.title,
            headers={
                "Authorization": SecretStr(f"Bearer {token.get_secret_value()}"),
                "x-api-key": client,
                "x-model-version": self.model,
            },
            rate=Rate(f"firefly {self.url}", PER_MINUTE, burst=PER_MINUTE),
            stop=stop,
            explain=explain,
            seconds=60.0,
            domain="adobe.io",
        )

    def ping(self) -> Pong:
        """See ``Pinging.ping``: signs in anew; there is nothing else that costs nothing to ask."""
        began = time.perf_counter()
        self._token = None
        self._signed_in(*self._keys(), tries=1)
        return Pong(time.perf_counter() - began, "signed in")

    def greet(self, caller: Caller) -> str:  # noqa: ARG002
        """See ``Service.greet``: whoever has a caller has signed in."""
        return "signed in"

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``."""
        path, body = self._body(call)
        call.caller.wire.sent = False  # a picture that was uploaded draws nothing
        told = _object(call.caller.post(path, json=body).json())
        if not told.get("statusUrl"):
            raise SubmittedUnknown("Firefly took the request and did not say where to follow it")
        names = ("jobId", "statusUrl", "cancelUrl")
        handle = {name: str(told[name]) for name in names if told.get(name)}
        yield Accepted(handle)
        yield from self._follow(call, handle["statusUrl"])

    def find(self, call: Call, handle: Mapping[str, str]) -> Iterator[Step]:
        """See ``Service.find``."""
        if "statusUrl" not in handle:
            raise SubmittedUnknown("Firefly has no list of jobs to look for it in")
        yield from self._follow(call, handle["statusUrl"])

    def give_up(self, call: Call, handle: Mapping[str, str]) -> None:
        """See ``Service.give_up``."""
        if url := handle.get("cancelUrl"):
            call.caller.send("PUT", url, safe=True, seconds=5.0)

    def _follow(self, call: Call, url: str) -> Iterator[Step]:
        until, last = time.monotonic() + PATIENCE, 0
        while time.monotonic() < until:
            told = _object(call.caller.get(url).json())
            status = str(told.get("status", "")).lower()
            if status in {"succeeded", "done"}:
                yield Progress(call.index, 100, 100)
                yield Drawn(self._result(call, _object(told.get("result"))))
                return
            if status in {"failed", "canceled", "cancelled", "timeout", "cancel_pending"}:
                raise self._why(told, status, call)
            done = told.get("progress")
            if isinstance(done, int | float) and last < int(done) < 100:
                last = int(done)
                yield Progress(call.index, last, 100)
            wait(EVERY, call.caller.wire.stop)
        raise ServiceFailed("Firefly took longer than half an hour", hint="order again")

    def _why(self, told: Mapping[str, Any], status: str, call: Call) -> Exception:
        words = [told.get("message"), told.get("error_code"), told.get("errors")]
        about = call.caller.clean(" ".join(str(word) for word in words if word) or status)
        if any(word in about.lower() for word in _RULES):
            return Moderated(f"Adobe Firefly's content rules: {about}")
        return self.failed(about)

    def _result(self, call: Call, result: Mapping[str, Any]) -> Image.Image:
        """A link that is signed and short-lived: fetched at once, and told to nobody."""
        outputs = result.get("outputs")
        first = _object(outputs[0]) if isinstance(outputs, list) and outputs else {}
        link = str(_object(first.get("image")).get("url") or "")
        if not link:
            raise self.failed("the job ended without a picture")
        if urlsplit(link).netloc == urlsplit(self.url).netloc:
            return picture_from(call.caller.get(link).body, self.title)
        return fetch(link, stop=call.caller.wire.stop).image

    def _body(self, call: Call) -> tuple[str, dict[str, Any]]:
        recipe, able = call.recipe, self.capabilities()
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
        words = plain_words(recipe.prompt, negative=True)
        body: dict[str, Any] = {
            "prompt": words.text,
            "numVariations": 1,
            "seeds": [recipe.sampling.seed],
        }
        task, edit = recipe.task, call.edit
        if isinstance(task, Outpaint):
            source = self._upload(call, call.inputs[task.image].convert("RGB"))
            inset = {"left": task.left, "top": task.top, "right": task.right, "bottom": task.bottom}
            body |= {
                "image": source,
                "size": {"width": recipe.size.width, "height": recipe.size.height},
                "placement": {"inset": inset},
            }
            return "/v3/images/expand-async", body
        if words.negative:
            body["negativePrompt"] = words.negative
        if edit is None:
            body["size"] = {"width": recipe.size.width, "height": recipe.size.height}
            return "/v3/images/generate-async", body
        drawn = edit.at(able.nearest(edit.size))
        assert drawn.mask is not None  # noqa: S101 - an inpaint has one
        body |= {
            "image": self._upload(call, drawn.picture),
            "mask": self._upload(call, drawn.mask),
            "size": {"width": drawn.size.width, "height": drawn.size.height},
        }
        return "/v3/images/fill-async", body

    def _upload(self, call: Call, image: Image.Image) -> dict[str, Any]:
        told = call.caller.post(
            "/v2/storage/image",
            content=encode_png(image),
            headers={"Content-Type": "image/png"},
            safe=True,
        ).json()
        images = _object(told).get("images")
        if not isinstance(images, list) or not images or not _object(images[0]).get("id"):
            raise ServiceFailed("Firefly took a picture and did not say under which id")
        return {"source": {"uploadId": str(images[0]["id"])}}

    def _keys(self) -> tuple[SecretStr, SecretStr]:
        client, secret = (
            given or find_key(f"FIREFLY_SERVICES_CLIENT_{name}", service="Adobe Firefly")
            for given, name in zip(self._pair, ("ID", "SECRET"), strict=True)
        )
        assert client is not None and secret is not None  # noqa: S101 - they are needed
        return client, secret

    def _signed_in(
        self, client: SecretStr, secret: SecretStr, tries: int | None = None
    ) -> SecretStr:
        """A token of Adobe's identity service, kept until a minute before it ends."""
        if self._token is not None and time.monotonic() < self._token[1]:
            return self._token[0]
        form = {
            "grant_type": "client_credentials",
            "client_id": client.get_secret_value(),
            "client_secret": secret.get_secret_value(),
            "scope": SCOPE,
        }
        with Caller(self._ims, service="Adobe's sign-in", hidden=(client, secret)) as ims:
            ims.tries = tries or ims.tries
            told = _object(ims.post("/ims/token/v3", data=form, safe=True, seconds=20.0).json())
        token = str(told.get("access_token") or "")
        if not token:
            raise ServiceKeyRefused("Adobe's sign-in gives no token for this client")
        until = time.monotonic() + max(0.0, float(told.get("expires_in") or 0) - 60)
        self._token = SecretStr(token), until
        return self._token[0]


def explain(answer: Answer) -> MaquetteError | None:
    """What Firefly's own errors mean: ``{"error_code", "message"}``."""
    said = f"{answer.said('error_code')} {answer.said('message')}".strip()
    rules = any(word in said.lower() for word in _RULES)
    if answer.status in {400, 403, 422, 451} and rules:
        return Moderated(f"Adobe Firefly's content rules: {said}")
    return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
