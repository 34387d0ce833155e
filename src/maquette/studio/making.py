"""Making: every verb that ends in a new version, carried out at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from PIL import Image

from maquette import operations
from maquette.core.picture import decode_picture, encode_png, size_of
from maquette.core.recipe import PromptText
from maquette.core.version import Version
from maquette.operations.settings import prompt_text, small_enough
from maquette.stages.locking import with_locks
from maquette.stages.order import Order
from maquette.stages.produce import produce, repeat
from maquette.studio.desk import read_file
from maquette.studio.orders import Orders
from maquette.studio.searching import Searching
from maquette.studio.steering import AnyPicture, fitted, map_of

if TYPE_CHECKING:
    from maquette.exchange.imports import Found

__all__ = ["Making"]

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., Any])


def _many(
    ask: Callable[Concatenate[Orders, P], Order],
) -> Callable[Concatenate[Making, P], list[Version]]:
    """The verb that carries out what ``ask`` asks for, with its arguments and its words."""

    @wraps(ask)
    def verb(self: Making, *args: P.args, **kwargs: P.kwargs) -> list[Version]:
        return self.carry_out(ask(self.orders, *args, **kwargs))

    return _signed(verb, "list[Version]")


def _one(ask: Callable[Concatenate[Orders, P], Order]) -> Callable[Concatenate[Making, P], Version]:
    """``_many`` for a verb that always makes one version."""

    @wraps(ask)
    def verb(self: Making, *args: P.args, **kwargs: P.kwargs) -> Version:
        return self.carry_out(ask(self.orders, *args, **kwargs))[0]

    return _signed(verb, "Version")


def _signed(verb: V, returns: str) -> V:
    """The verb with the order's signature, for ``help()`` and editors, but its own answer."""
    signature = inspect.signature(verb).replace(return_annotation=returns)
    verb.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return verb


class Making(Searching):
    """The verbs that draw, alter or take in pictures."""

    generate = _many(Orders.generate)
    fill = _many(Orders.fill)
    explore = _many(Orders.explore)
    vary = _many(Orders.vary)
    refine = _one(Orders.refine)
    reweight = _one(Orders.reweight)
    inpaint = _one(Orders.inpaint)
    outpaint = _one(Orders.outpaint)
    upscale = _one(Orders.upscale)
    retouch = _one(Orders.retouch)
    composite = _one(Orders.composite)
    logo = _one(Orders.logo)
    restore = _one(Orders.restore)
    apply = _one(Orders.apply)

    @cached_property
    def orders(self) -> Orders:
        """The same verbs as orders, to be carried out now or submitted."""
        return Orders(self)

    def carry_out(self, order: Order) -> list[Version]:
        """Make what an order asks for, now and in this process.

        Raises:
            RecipeRefused, SettingRefused, WordLocked: before anything is begun.
            Cancelled, EngineFailed, StorageFull: the versions made until then are kept.
        """
        return produce(
            with_locks(order, self.records),
            engine=self.engine_of(order.recipes[0]),
            blobs=self.blobs,
            records=self.records,
            # A picture from elsewhere is taken in by whoever is asked, a server too, whose process
            # stays light: it is held to its words by a judge when somebody asks for that.
            critics=self.light_critics() if order.operation == "import" else self.critics(),
            previews=self.previews,
            cancel=self.cancel,
            on_event=self.on_event,
            on_version=self.on_version,
            books=self.books,
        )

    def control_map(
        self, source: AnyPicture, kind: str, *, size: tuple[int, int] | None = None
    ) -> Image.Image:
        """The map of a picture for ``control``: canny, lineart, scribble, tile, depth or pose, of
        the picture's size or, of its middle, of another. It may be painted over before it is used.

        Raises:
            SettingRefused: no such kind, or a size out of range.
            ModelMissing, ModelRefused, ExtraMissing: depth and pose need an estimator.
            PictureRefused, VersionUnknown.
        """
        image, _ = self.orders.picture(source)
        if size is not None:
            image = fitted(image, small_enough(*size))
        return map_of(self, image, kind)

    def rollback(self, version: Version | str) -> Version:
        """An earlier version as the newest again, with its recipe and its token maps, so that work
        goes on from there. Nothing is lost: what came between stays."""
        target = self.version(version)
        return repeat(target, "rollback", (target.id,), self.records)

    def import_picture(
        self,
        source: str | Path | bytes,
        *,
        caption: str | None = None,
        of: Version | str | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> tuple[Version, Found]:
        """Take a picture from outside, with the recipe that its file tells of, if any.

        ``caption`` says what it shows, and counts before a prompt that the file tells of. ``of``
        names the version that it is a retouched copy of: it becomes its child, with its words.
        ``origin`` is kept beside the version: where it came from.

        Raises:
            PictureRefused: no picture, damaged, or too large to open safely.
            PromptRefused: an overlong caption.
            VersionUnknown, AmbiguousVersion.
        """
        from maquette.exchange.imports import read_metadata

        parent = self.version(of) if of is not None else None
        data, name = read_file(source)
        image = decode_picture(data, name=name)
        found = read_metadata(data, name=name)
        recipe = operations.import_picture(
            image_digest=self.blobs.put(encode_png(image)),
            original=self.blobs.put(data),
            size=size_of(image),
            source=found.source,
            prompt=_caption(caption) or found.prompt or (parent.recipe.prompt if parent else None),
            sampling=found.sampling,
            model=found.recipe.model if found.recipe else None,
        )
        parents = (parent.id,) if parent is not None else ()
        origins = (origin,) if origin is not None else ()
        return self.carry_out(Order("import", (recipe,), parents, origins=origins))[0], found


def _caption(text: str | None) -> PromptText | None:
    if text is None or not text.strip():
        return None
    return prompt_text(text)
