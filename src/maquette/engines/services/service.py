"""The way of a request to a service, the same for all of them.

Looked up first, if it was asked before; written down before it is sent and at every step after;
its picture is kept before anything else is done with it. A subclass says how to ask, how to find
again what was asked, and how to give up.
"""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.cost import Money
from maquette.core.intent import Intent, Outcome
from maquette.core.picture import decode_picture
from maquette.core.recipe import ModelRef, Recipe
from maquette.engines.base import (
    Cancel,
    Diary,
    Event,
    Inputs,
    Picture,
    Pong,
    Preview,
    Progress,
    Substitution,
)
from maquette.engines.services.edits import Edit, edit_of, to_size
from maquette.errors import (
    Cancelled,
    EngineFailed,
    MaquetteError,
    Moderated,
    PictureRefused,
    RecipeRefused,
    ServiceBusy,
    ServiceFailed,
    ServiceKeyRefused,
    ServiceRefused,
    ServiceUnreachable,
    SubmittedUnknown,
)
from maquette.net import Caller

__all__ = [
    "GREETING",
    "Accepted",
    "Call",
    "Drawn",
    "NotThere",
    "Service",
    "Spent",
    "Step",
    "picture_from",
    "service_model",
]


@dataclass(frozen=True)
class Accepted:
    """The service has taken the request; ``handle`` is how it is found again."""

    handle: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Drawn:
    """The picture, as the service drew it, and its real price where that is known."""

    image: Image.Image
    money: Money | None = None
    notes: Mapping[str, float] = field(default_factory=dict[str, float])


Step = Progress | Preview | Accepted | Drawn


GREETING = 10.0
"""Seconds that a service gets to answer a greeting."""


class Spent(EngineFailed):
    """The service has worked and bills for it, and there is no picture."""


class NotThere(Exception):
    """The service does not know of the request: it never arrived, so it may be sent."""


@dataclass(frozen=True)
class Call:
    """One recipe on its way. ``edit`` is its picture and mask at the size to draw, if it has any;
    ``intent`` is what the diary says of it."""

    caller: Caller
    index: int
    recipe: Recipe
    inputs: Inputs
    edit: Edit | None
    intent: Intent | None
    previews: bool


_NEVER_TAKEN = (ServiceUnreachable, ServiceRefused, ServiceKeyRefused, ServiceBusy, Moderated)
"""Why a request was not carried out, as long as it had not been taken."""

_DEFINITE = (EngineFailed, Moderated)
"""How the service says that what it had taken came to nothing."""


class Service(ABC):
    """An engine behind a service; see ``engines.base.Billed``."""

    name: ClassVar[str]
    title: str
    """What people call the service."""

    @property
    @abstractmethod
    def build(self) -> str:
        """See ``Engine.build``."""

    @abstractmethod
    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``."""

    @abstractmethod
    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""

    def price(self, recipe: Recipe) -> Money:  # noqa: ARG002 - nobody sends a bill
        """See ``Billed.price``."""
        return Money()

    @abstractmethod
    def caller(self, cancel: Cancel | None) -> Caller:
        """A client for one run.

        Raises:
            ServiceKeyRefused: there is no key.
        """

    @abstractmethod
    def ask(self, call: Call) -> Iterator[Step]:
        """Send the request and follow it: ``Accepted`` as soon as the service has taken it (for
        one that answers with the picture itself, as soon as it has answered), ``Drawn`` last."""

    def find(
        self,
        call: Call,  # noqa: ARG002
        handle: Mapping[str, str],  # noqa: ARG002
    ) -> Iterator[Step]:
        """Follow a request that was sent before.

        Raises:
            NotThere: it never arrived.
            SubmittedUnknown: that cannot be found out. (The default: no way to look it up.)
        """
        raise SubmittedUnknown(f"{self.title} has no way to look up what was asked of it")

    def give_up(  # noqa: B027 - nothing to tell is the rule
        self, call: Call, handle: Mapping[str, str]
    ) -> None:
        """Tell the service that nobody waits any more. Best effort."""

    @abstractmethod
    def greet(self, caller: Caller) -> str:
        """Ask the service, without drawing anything, whether it is there and knows the key; in a
        few words what it says of itself, or an empty text.

        Raises:
            ServiceUnreachable, ServiceKeyRefused, ServiceBusy, ServiceFailed, ServiceRefused.
        """

    def ping(self) -> Pong:
        """See ``Pinging.ping``."""
        began = time.perf_counter()
        with self.caller(None) as caller:
            caller.tries = 1
            says = self.greet(caller)
            return Pong(time.perf_counter() - began, caller.clean(says))

    def handle(self, recipe: Recipe) -> Mapping[str, str]:  # noqa: ARG002
        """What a request will be found by, if that can be chosen beforehand."""
        return {}

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,  # noqa: ARG002 - no service tells what it saw
        previews: bool = False,
        cancel: Cancel | None = None,
        diary: Diary | None = None,
    ) -> Iterator[Event]:
        """See ``Billed.run``."""
        for recipe in recipes:
            self.check(recipe)
        if not recipes:
            return
        if cancel:
            raise Cancelled("stopped before anything was asked")
        with self.caller(cancel) as caller:
            for index, recipe in enumerate(recipes):
                edit = edit_of(recipe, inputs)
                call = Call(caller, index, recipe, inputs, edit, None, previews)
                yield from _Course(self, call, diary).run()

    def failed(self, about: str) -> EngineFailed:
        """The service says that it could not draw."""
        return EngineFailed(f"{self.title}: {about}")

    def no_lora(self, recipe: Recipe) -> None:
        """Refuse what steers a picture by files of ours.

        Raises:
            RecipeRefused.
        """
        if recipe.conditionings:
            kinds = ", ".join(sorted({part.kind for part in recipe.conditionings}))
            raise RecipeRefused(
                f"the engine '{self.name}' takes no {kinds}", hint="draw it with 'diffusers'"
            )


class _Course:
    """One recipe, from the diary's first line to its picture."""

    def __init__(self, service: Service, call: Call, diary: Diary | None) -> None:
        self.service, self.call, self.diary = service, call, diary
        self.intent: Intent | None = None
        self.taken = False
        self.looking = False
        self.handle: dict[str, str] = {}
        self.began = time.perf_counter()

    def run(self) -> Iterator[Event]:
        earlier = self.diary.earlier(self.call.index) if self.diary else None
        if earlier is not None and earlier.outcome is Outcome.SETTLED and self.diary:
            image = self.diary.picture(earlier)
            yield Picture(self.call.index, image, 0.0, money=earlier.money)
            return
        if earlier is not None:
            self.intent, self.handle = earlier, dict(earlier.handle)
            self.taken, self.looking = earlier.outcome is Outcome.SUBMITTED, True
            try:
                yield from self._follow(self._found(earlier.handle))
                return
            except NotThere:
                self._note(Outcome.VOID, "it never arrived")
                self.taken = self.looking = False
        if self.diary is not None:
            price = self.service.price(self.call.recipe)
            handle = self.service.handle(self.call.recipe)
            self.intent = self.diary.intend(self.call.index, price, handle)
            self.handle = dict(handle)
        yield from self._follow(self.service.ask(self._call()))

    def _found(self, handle: Mapping[str, str]) -> Iterator[Step]:
        # In a generator, so that what it raises is written down as well.
        yield from self.service.find(self._call(), handle)

    def _follow(self, steps: Iterator[Step]) -> Iterator[Event]:
        self.call.caller.wire.sent = False
        try:
            for step in steps:
                match step:
                    case Accepted(handle=handle):
                        self.taken = True
                        self.handle |= handle
                        self._note(Outcome.SUBMITTED, handle=handle)
                    case Drawn():
                        yield self._done(step)
                        return
                    case _:
                        yield step
        except NotThere:
            raise
        except Cancelled:
            self._stopped()
            raise
        except (MaquetteError, PictureRefused) as error:
            self._failed(error)
            raise
        lost = self.service.failed("its answer holds no picture")
        self._failed(lost)
        raise lost

    def _done(self, drawn: Drawn) -> Picture:
        notes = dict(drawn.notes)
        image = drawn.image
        if (edit := self.call.edit) is not None:
            image, seam = edit.finish(image)
            notes |= seam
        else:
            image = to_size(image, self.call.recipe.size)
        money = Money()
        if self.intent is not None and self.diary is not None:
            money = drawn.money if drawn.money is not None else self.intent.money
            guess = drawn.money is None and money.amount
            about = "estimated: the service does not tell its price" if guess else ""
            self.intent = self.diary.keep(self.intent, image, money, message=about)
        elif drawn.money is not None:
            money = drawn.money
        seconds = time.perf_counter() - self.began
        return Picture(self.call.index, image, seconds, notes=notes, money=money)

    def _failed(self, error: MaquetteError) -> None:
        about = str(error)
        if isinstance(error, SubmittedUnknown):
            self._note(Outcome.UNKNOWN, about)
        elif isinstance(error, Spent):
            self._note(Outcome.WRITTEN_OFF, about)
        elif isinstance(error, _DEFINITE):
            self._note(Outcome.VOID, about)
        elif self.looking:
            return  # a look that failed says nothing of what was asked
        elif not self.taken and isinstance(error, _NEVER_TAKEN):
            self._note(Outcome.VOID, about)
        elif not self.handle and not self.taken and self.call.caller.status >= 400:
            # It answered with an error of its own: nothing was drawn.
            self._note(Outcome.VOID, about)
        elif not self.handle:
            self._note(Outcome.UNKNOWN, about)  # taken, and nothing to find it by
        # Else it stays as it is, and is looked up the next time.

    def _stopped(self) -> None:
        call = self._call()
        sent = self.taken or call.caller.wire.sent
        if not sent:
            self._note(Outcome.VOID, "stopped before it was sent")
            return
        if self.intent is not None and self.intent.outcome is Outcome.INTENDED:
            self._note(Outcome.UNKNOWN, "stopped after it was sent")
        stop, call.caller.wire.stop = call.caller.wire.stop, lambda: False
        try:
            with suppress(MaquetteError):
                self.service.give_up(call, self.handle)
        finally:
            call.caller.wire.stop = stop

    def _call(self) -> Call:
        call = self.call
        return Call(
            call.caller, call.index, call.recipe, call.inputs, call.edit, self.intent, call.previews
        )

    def _note(
        self, outcome: Outcome, message: str = "", *, handle: Mapping[str, str] | None = None
    ) -> None:
        if self.diary is not None and self.intent is not None:
            self.intent = self.diary.note(self.intent, outcome, handle=handle, message=message)


def picture_from(data: bytes, service: str) -> Image.Image:
    """What a service sent as a picture, decoded within bounds.

    Raises:
        ServiceFailed: it is none.
    """
    try:
        return decode_picture(data, name="the answer")
    except PictureRefused as error:
        raise ServiceFailed(f"{service} sent something that is no picture: {error}") from error


def service_model(engine: str, name: str, where: str = "") -> ModelRef:
    """A model that only a service has: its digest is that of its name and address, since nobody
    outside can see its files."""
    told = f"maquette service model\n{engine}\n{where}\n{name}"
    return ModelRef(name=name, digest=hashlib.sha256(told.encode()).hexdigest())
