"""Orders for work on finished pixels: retouch, composite, a logo on a thing, faces restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from maquette import operations
from maquette.core.geometry import Size
from maquette.core.picture import decode_picture, encode_png, size_of
from maquette.core.pixel_tasks import Face
from maquette.core.raster import mask_box
from maquette.core.recipe import Composite, Restore, Retouch, Upscale
from maquette.core.surface import Surface
from maquette.core.trace import Trace
from maquette.core.value import ModelRef
from maquette.core.version import Version
from maquette.errors import SettingRefused, TraceMissing, VersionUnknown
from maquette.exchange.svg import is_svg, rasterise
from maquette.operations import Placed
from maquette.operations.composite import with_shadow
from maquette.operations.retouch import CurvePoints
from maquette.stages.judge import trace_of
from maquette.stages.order import Order
from maquette.studio.desk import read_file
from maquette.studio.faces import Faces

if TYPE_CHECKING:
    from maquette.engines.learned.catalogue import Kind
    from maquette.studio.desk import Desk

__all__ = ["PixelOrders"]

_AnyPicture = Version | Image.Image | bytes | str | Path


class PixelOrders:
    """A method for each verb that alters pixels without drawing them anew."""

    _desk: Desk

    def retouch(
        self,
        version: Version | str,
        *,
        exposure: float = 0.0,
        temperature: float = 0.0,
        tint: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        curves: Sequence[CurvePoints] = (),
        palette: _AnyPicture | None = None,
        swatches: Sequence[str] = (),
        match: float = 1.0,
        sharpness: float = 0.0,
        radius: float = 1.0,
        grain: float = 0.0,
        seed: int = 0,
        mask: Image.Image | bytes | str | Path | None = None,
    ) -> Order:
        """Change light and colour by numbers; 0 is no change.

        ``exposure`` in EV (-5 to 5), ``temperature`` in mired towards warm (-90 to 90), ``tint``
        towards magenta (-100 to 100), ``contrast`` and ``saturation`` -1 to 1, ``sharpness`` 0 to 5
        at a ``radius`` in pixels, ``grain`` 0 to 1 from ``seed``. ``curves`` are (channel, points).
        ``palette`` is a picture, or a version, whose colours to take on; ``swatches`` are colours
        as #rrggbb instead; ``match`` says how far. With a ``mask`` (white = change) all other
        pixels keep their bytes.

        Raises:
            SettingRefused, MaskRefused, PictureRefused, Cancelled.
        """
        version = self._desk.version(version)
        parents = [version.id]
        colours = None
        if palette is not None:
            colours, used = self._picture(palette)
            parents += [used.id] if used is not None else []
        digest = None
        if mask is not None:
            digest = self._desk.blobs.put(encode_png(self._desk.read_mask(mask, version)))
        recipe = operations.retouch(
            version,
            exposure=exposure,
            temperature=temperature,
            tint=tint,
            contrast=contrast,
            saturation=saturation,
            curves=curves,
            palette=colours,
            swatches=swatches,
            match=match,
            sharpness=sharpness,
            radius=radius,
            grain=grain,
            seed=seed,
            mask_digest=digest,
        )
        return Order("retouch", (recipe,), _once(parents))

    def composite(
        self, version: Version | str, layers: Sequence[Placed | Mapping[str, Any]]
    ) -> Order:
        """Lay pictures on a version, the first one lowest; see ``maquette.operations.Placed``.

        What no layer covers keeps its bytes. Versions that are laid become parents too.

        Raises:
            SettingRefused, PictureRefused, MaskRefused, VersionUnknown, Cancelled.
        """
        version = self._desk.version(version)
        parents = [version.id]
        known: list[tuple[Placed, str, Size, str | None]] = []
        for given in layers:
            placed = Placed.read(given)
            image, used = self._picture(placed.picture)
            parents += [used.id] if used is not None else []
            digest = used.image if used is not None else self._desk.blobs.put(encode_png(image))
            if (under := with_shadow(placed, image, version.size)) is not None:
                dark = self._desk.blobs.put(encode_png(under[0]))
                known.append((under[1], dark, size_of(under[0]), None))
            known.append((placed, digest, size_of(image), self._mask(placed.mask, version)))
        return Order("composite", (operations.composite(version, known),), _once(parents))

    def logo(
        self,
        version: Version | str,
        logo: _AnyPicture,
        *,
        on: str | None = None,
        surface: Surface | Mapping[str, Any] | None = None,
        box: tuple[int, int, int, int] | None = None,
        flat: bool = False,
        size: float = 0.7,
        at: tuple[float, float] = (0.5, 0.5),
        shading: float = 1.0,
        opacity: float = 1.0,
        blend: str = "normal",
    ) -> Order:
        """Put a logo on a thing of the picture, in its own proportions, bent and lit as the thing
        is.

        The place is a ``surface``, or the wall of what the word ``on`` drew (a cylinder; ``flat``
        for a front), or of what a ``box`` holds. The logo takes ``size`` of it, its middle ``at``
        (across, down, as shares). What was measured of it stands in the version's findings.

        Raises:
            SettingRefused: not exactly one place, no surface found, or a number out of its range.
            PictureRefused, VersionUnknown, WordUnknown, TraceMissing, Cancelled.
        """
        version = self._desk.version(version)
        picture, used = self._picture(logo)
        if isinstance(surface, Mapping):
            surface = operations.surface(**surface)
        place = self._surface(version, on, surface, box, flat=flat)
        placed = Placed(
            logo,
            surface=place,
            window=operations.fitted(place, size_of(picture), share=size, at=at),
            opacity=opacity,
            blend=blend,
            shading=shading,
        )
        digest = used.image if used is not None else self._desk.blobs.put(encode_png(picture))
        recipe = operations.composite(version, [(placed, digest, size_of(picture), None)])
        parents = [version.id, used.id] if used is not None else [version.id]
        return Order("logo", (recipe,), _once(parents))

    def upscale(
        self,
        version: Version | str,
        scale: float = 2.0,
        *,
        method: str = "lanczos",
        model: str | None = None,
    ) -> Order:
        """The same picture with ``scale`` times as many pixels a side.

        ``method`` is lanczos, or learned: drawn by the network ``model`` of
        MAQUETTE_MODELS/upscalers (default: the first there). Detail that a network invents stands
        in the version's findings.

        Raises:
            SettingRefused, ModelMissing, ModelRefused, ExtraMissing, Cancelled.
        """
        if method not in {"lanczos", "learned"}:
            raise SettingRefused(f"no method '{method}'", hint="lanczos or learned")
        version = self._desk.version(version)
        learned = method == "learned" or model is not None
        network = self._network("upscalers", model) if learned else None
        recipe = operations.upscale(version, scale=scale, network=network)
        return Order("upscale", (recipe,), (version.id,))

    def restore(
        self,
        version: Version | str,
        *,
        model: str | None = None,
        strength: float = 0.8,
        box: tuple[int, int, int, int] | None = None,
    ) -> Order:
        """Let a network of MAQUETTE_MODELS/restorers draw the faces anew, and mix them in.

        Faces are found by OpenCV's cascade, or by a network of MAQUETTE_MODELS/detectors; a
        ``box`` says where one is instead.

        Raises:
            SettingRefused: no face was found.
            ModelMissing, ModelRefused, ExtraMissing, Cancelled.
        """
        version = self._desk.version(version)
        network = self._network("restorers", model)
        if box is not None:
            place = mask_box(np.asarray(operations.mask_from_box(version.size, box)))
            faces = [Face(box=place)] if place is not None else []
        else:
            faces = operations.find_faces(
                decode_picture(self._desk.blobs.get(version.image)),
                Faces(self._desk.settings.models).detector,
            )
        recipe = operations.restore(version, faces, network=network, strength=strength)
        return Order("restore", (recipe,), (version.id,))

    def _network(self, kind: Kind, name: str | None) -> ModelRef:
        from maquette.engines.learned.catalogue import choose

        return choose(kind, name, self._desk.settings.models).ref

    def _surface(
        self,
        version: Version,
        on: str | None,
        surface: Surface | None,
        box: tuple[int, int, int, int] | None,
        *,
        flat: bool,
    ) -> Surface:
        if sum(way is not None for way in (on, surface, box)) != 1:
            raise SettingRefused(
                "a logo goes to one place", hint="give one of on (a word), surface and box"
            )
        if surface is not None:
            return surface
        if box is not None:
            rough = operations.mask_from_box(version.size, box)
        else:
            trace = self._maps(version)
            if trace is None or on is None:
                raise TraceMissing(
                    f"version {version.short} has no token maps", hint="give a box, or corners"
                )
            rough = operations.mask_from_token(trace, version.size, on)
        picture = decode_picture(self._desk.blobs.get(version.image))
        thing = operations.thing_mask(picture, rough)
        return operations.find_surface(thing, round_=not flat)

    def _maps(self, version: Version) -> Trace | None:
        """Token maps of a version, or of the picture that it is an altered copy of."""
        while (found := trace_of(version, self._desk.blobs, self._desk.records)) is None:
            same = isinstance(version.recipe.task, Upscale | Retouch | Restore | Composite)
            if not same or not version.parents:
                return None
            version = self._desk.version(version.parents[0])
        return found

    def _mask(self, mask: Any, version: Version) -> str | None:
        if mask is None:
            return None
        return self._desk.blobs.put(encode_png(self._desk.read_mask(mask, version)))

    def _picture(self, source: Any) -> tuple[Image.Image, Version | None]:
        """A picture and the version that it is of, if it is one's.

        Text is a file where there is one, else a reference to a version.
        """
        if isinstance(source, Image.Image):
            return source, None
        if isinstance(source, str) and not Path(source).is_file():
            try:
                source = self._desk.version(source)
            except VersionUnknown as error:
                raise VersionUnknown(
                    f"'{source}' is neither a file nor a version of this project",
                    hint="give a picture's path, or a version as 'maquette log' lists it",
                ) from error
        if isinstance(source, Version):
            return decode_picture(self._desk.blobs.get(source.image)), source
        if not isinstance(source, str | Path | bytes):
            raise SettingRefused(f"{type(source).__name__} is no picture")
        data, name = read_file(source)
        if is_svg(data):
            return rasterise(data, name=name or "the drawing"), None
        return decode_picture(data, name=name), None


def _once(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))
