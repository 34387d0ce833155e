"""What can draw: the engines and models at hand and what each can do. Loads no weights."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from maquette.core.capabilities import Capabilities
from maquette.core.recipe import PromptText
from maquette.engines.base import Engine, Pinging, Pong
from maquette.errors import SettingRefused
from maquette.settings import Settings
from maquette.studio.encoders import can_look
from maquette.studio.engines import SERVICES, service_options

__all__ = ["Catalogue", "Offer"]


@dataclass(frozen=True)
class Offer:
    """A model and what its engine can do with it. ``default`` is used when none is named;
    ``clip``: versions can be searched by what their pictures show."""

    name: str
    default: bool
    capabilities: Capabilities
    clip: bool = False


class Catalogue:
    """Reads each model's card once; safe for many threads. torch is never imported."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._lock = threading.Lock()
        self._engines: dict[tuple[str, str], Engine] = {}
        self._offers: tuple[Offer, ...] | None = None

    def offers(self) -> tuple[Offer, ...]:
        """The default first, then every other model that goes by a name.

        Raises:
            ModelMissing, ModelRefused: the default cannot be used.
        """
        if self._offers is None:
            engine = self.engine()
            able = engine.capabilities()
            named = able.model.name if able.model else able.engine
            found = [Offer(named, True, able, can_look(engine, self.settings))]
            for name in self._names():
                if name != found[0].name:
                    other = self.engine("diffusers", name)
                    clip = can_look(other, self.settings)
                    found.append(Offer(name, False, other.capabilities(), clip))
            self._offers = tuple(found)
        return self._offers

    def engine(self, name: str | None = None, model: str | Path | None = None) -> Engine:
        """An engine with a model, for what it says of itself alone: it is not to draw here.

        Raises:
            RecipeRefused, ModelMissing, ModelRefused.
        """
        from maquette.engines.registry import load_engine

        name = name or self.settings.engine
        if name in SERVICES:
            options = service_options(self.settings, name, model)
            with self._lock:
                key = (name, options["model"])
                if key not in self._engines:
                    self._engines[key] = load_engine(name, **options)
                return self._engines[key]
        asked = str(model if model is not None else self.settings.model)
        key = (name, asked if name == "diffusers" else "")
        with self._lock:
            if key not in self._engines:
                options = {"model": asked, "models": self.settings.models}
                self._engines[key] = load_engine(name, **options if key[1] else {})
            return self._engines[key]

    def ping(self, name: str, model: str | None = None) -> Pong:
        """Ask a service, without drawing anything, whether it is there and knows the key.

        Raises:
            SettingRefused: this engine is no service.
            ModelMissing: one that the service is known not to have.
            ServiceUnreachable, ServiceKeyRefused, ServiceBusy, ServiceFailed, ServiceRefused.
        """
        if name not in SERVICES:
            raise SettingRefused(f"'{name}' is no service", hint=f"there are {', '.join(SERVICES)}")
        engine = self.engine(name, model)
        assert isinstance(engine, Pinging)  # noqa: S101 - that is what services are
        return engine.ping()

    def unknown_words(
        self,
        prompt: PromptText,
        *,
        engine: str | None = None,
        model: str | None = None,
    ) -> tuple[str, ...]:
        """The words of a prompt and its negative that the model never saw, each once."""
        from maquette.engines.wording import unknown_words

        return unknown_words(prompt, self.engine(engine, model).capabilities())

    def _names(self) -> list[str]:
        from maquette.engines.diffusers.models import list_models

        return [card.ref.name for card in list_models(self.settings.models)]
