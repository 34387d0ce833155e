"""The studio: the library's façade and the place where the parts are put together."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from PIL import Image

from maquette import operations
from maquette.core.capabilities import Capabilities
from maquette.core.finding import Finding
from maquette.core.picture import decode_mask, decode_picture, encode_png, size_of
from maquette.core.recipe import MAX_SEED, PromptText, Recipe
from maquette.core.trace import Trace, unpack_trace
from maquette.core.version import Version, ancestors
from maquette.critics.base import Critic
from maquette.engines.base import Cancel, Engine, Event, Explainer
from maquette.errors import (
    FindingUnknown,
    PictureRefused,
    ProjectMissing,
    SettingRefused,
    TraceMissing,
)
from maquette.exchange import Found, Identity, Verdict, load_identity, read_metadata
from maquette.exchange import verify as verify_bytes
from maquette.settings import Settings
from maquette.stages.compare import Comparison, compare
from maquette.stages.heatmap import Heat, heatmaps
from maquette.stages.produce import Order, produce
from maquette.stages.release import Release, release
from maquette.stages.replay import Replay, replay
from maquette.storage.project import Project

__all__ = ["Studio"]

MAX_PICTURES = 1000


class Studio:
    """A project with everything that can be done in it.

    ``folder`` holds the project (default: MAQUETTE_PROJECT, else the current folder); ``create``
    makes one there if there is none. ``engine`` and ``model`` draw (default: the shipped model,
    locally). ``on_event`` hears progress and previews; setting ``cancel`` from another thread
    stops the work between two steps. A version is given as itself, its id, a unique prefix of it,
    or ``"@"`` for the newest.

    Raises:
        ProjectMissing, ProjectUnreadable, ProjectTooNew.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        create: bool = False,
        engine: str | None = None,
        model: str | Path | None = None,
        settings: Settings | None = None,
        on_event: Callable[[Event], None] | None = None,
        previews: bool = False,
    ) -> None:
        self.settings = settings or Settings()
        root = Path(folder) if folder is not None else self.settings.project
        self.created = False
        try:
            self._project = Project.open(root)
        except ProjectMissing:
            if not create:
                raise
            self._project = Project.create(root)
            self.created = True
        self.records = self._project.records
        self.blobs = self._project.blobs
        self.on_event = on_event
        self.previews = previews
        self.cancel = Cancel()
        self._engine_name = engine or self.settings.engine
        self._model = model if model is not None else self.settings.model
        self._engines: dict[tuple[str, str], Engine] = {}

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the project's files. A second call does nothing."""
        self._project.close()

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._project.root

    # -- engines ---------------------------------------------------------------------------

    def engine(self, name: str | None = None, model: str | Path | None = None) -> Engine:
        """An engine by name, loaded once (default: this studio's own)."""
        from maquette.engines.registry import load_engine

        name = name or self._engine_name
        model = model if model is not None else self._model
        key = (name, str(model) if name == "diffusers" else "")
        if key not in self._engines:
            options: dict[str, Any] = {}
            if name == "diffusers":
                options = {
                    "model": model,
                    "models": self.settings.models,
                    "threads": self.settings.threads,
                }
            self._engines[key] = load_engine(name, **options)
        return self._engines[key]

    def engine_of(self, recipe: Recipe) -> Engine:
        """The engine that a recipe asks for, with the recipe's own model."""
        if recipe.model is None:
            return self.engine(recipe.engine)
        own = self.engine(recipe.engine)
        mine = own.capabilities().model
        return own if mine == recipe.model else self.engine(recipe.engine, recipe.model.name)

    def capabilities(self) -> Capabilities:
        """What this studio's engine and model can do."""
        return self.engine().capabilities()

    # -- looking ---------------------------------------------------------------------------

    def version(self, reference: Version | str) -> Version:
        """The version that a reference names.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        return reference if isinstance(reference, Version) else self.records.resolve(reference)

    def log(self, *, limit: int | None = None) -> list[Version]:
        """Versions, newest first."""
        return self.records.log(limit=limit)

    def chain(self, version: Version | str) -> list[Version]:
        """A version's ancestors, oldest first, and the version itself last."""
        last = self.version(version)
        known, waiting = {last.id: last}, list(last.parents)
        while waiting:
            current = waiting.pop()
            if current not in known:
                known[current] = self.records.get(current)
                waiting.extend(known[current].parents)
        ids = ancestors(last.id, {key: item.parents for key, item in known.items()})
        return [known[key] for key in reversed(ids)] + [last]

    def picture(self, version: Version | str) -> Image.Image:
        """A version's picture, RGB or RGBA.

        Raises:
            BlobMissing, BlobDamaged.
        """
        return decode_picture(self.blobs.get(self.version(version).image))

    def trace(self, version: Version | str) -> Trace | None:
        """The token maps that were recorded while the version was drawn."""
        digest = self.version(version).trace
        return unpack_trace(self.blobs.get(digest)) if digest is not None else None

    def findings(self, version: Version | str) -> list[Finding]:
        """What the critics have said of a version so far, worst first."""
        return self.records.findings(self.version(version).id)

    def explained(self, version: Version | str, caption: str | None = None) -> Trace:
        """Recorded token maps, or, for an imported picture or another caption, maps made by
        noising the picture at a few timesteps.

        Raises:
            TraceMissing: there are no words to look for.
        """
        version = self.version(version)
        recorded = self.trace(version) if caption is None else None
        if recorded is not None:
            return recorded
        prompt = PromptText(text=caption) if caption else version.recipe.prompt
        if prompt is None or not prompt.text.strip():
            raise TraceMissing(
                f"version {version.short} has no token maps and no caption",
                hint="say what it shows with --caption TEXT",
            )
        engine = self.engine()
        if not isinstance(engine, Explainer):
            raise TraceMissing(
                f"engine '{engine.name}' cannot explain pictures",
                hint="use --engine diffusers",
            )
        return engine.explain(self.picture(version).convert("RGB"), prompt)

    def heatmap(
        self,
        version: Version | str,
        token: str | None = None,
        *,
        caption: str | None = None,
    ) -> list[Heat]:
        """Where each word of the prompt (or only ``token``, which may be a phrase) looked.

        Raises:
            TraceMissing, WordUnknown.
        """
        version = self.version(version)
        return heatmaps(self.explained(version, caption), self.picture(version), token)

    def mask(
        self,
        version: Version | str,
        *,
        box: tuple[int, int, int, int] | None = None,
        polygon: Sequence[tuple[int, int]] | None = None,
        token: str | None = None,
        caption: str | None = None,
        threshold: float = 0.5,
        grow: int = 0,
        feather: int = 0,
        invert: bool = False,
    ) -> Image.Image:
        """A greyscale mask of the version's size, white = edit, from exactly one of ``box`` (x, y,
        width, height), ``polygon`` or ``token``.

        Raises:
            SettingRefused, MaskRefused, WordUnknown, TraceMissing.
        """
        version = self.version(version)
        if sum(way is not None for way in (box, polygon, token)) != 1:
            raise SettingRefused(
                "a mask comes from one thing", hint="give one of box, polygon or token"
            )
        trace = self.explained(version, caption) if token is not None else None
        return operations.make_mask(
            version.size,
            box=box,
            polygon=polygon,
            token=token,
            trace=trace,
            threshold=threshold,
            grow=grow,
            feather=feather,
            invert=invert,
        )

    # -- making ----------------------------------------------------------------------------

    def generate(
        self,
        prompt: str,
        *,
        negative: str = "",
        seed: int | None = None,
        n: int = 1,
        size: tuple[int, int] | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        interpreter: str = "attention",
        maps: bool = True,
    ) -> list[Version]:
        """Draw ``n`` pictures from words, with seeds ``seed``, ``seed + 1`` and so on.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
        """
        recipes = tuple(
            operations.generate(
                prompt,
                negative,
                capabilities=self.capabilities(),
                seed=each,
                size=size,
                quality=quality,
                steps=steps,
                guidance=guidance,
                sampler=sampler,
                interpreter=interpreter,
            )
            for each in _seeds(seed, n)
        )
        return self._make("generate", recipes, (), maps=maps)

    def vary(
        self,
        version: Version | str,
        *,
        strength: float = 0.5,
        seed: int | None = None,
        n: int = 1,
        prompt: str | None = None,
        negative: str | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> list[Version]:
        """Pictures near a version: image-to-image at ``strength`` (0 keeps it, 1 ignores it)."""
        version = self.version(version)
        recipes = tuple(
            operations.vary(
                version,
                strength=strength,
                seed=each,
                prompt=prompt,
                negative=negative,
                capabilities=self.capabilities(),
                quality=quality,
                steps=steps,
                guidance=guidance,
            )
            for each in _seeds(seed, n)
        )
        return self._make("vary", recipes, (version,))

    def reweight(self, version: Version | str, weights: Mapping[str, float]) -> Version:
        """The same picture with some words weighing more or less; seed and composition stay.

        Raises:
            WordUnknown, SettingRefused, RecipeRefused.
        """
        version = self.version(version)
        return self._make("reweight", (operations.reweight(version, weights),), (version,))[0]

    def inpaint(
        self,
        version: Version | str,
        mask: Image.Image | bytes | str | Path,
        prompt: str = "",
        *,
        negative: str = "",
        seed: int | None = None,
        strength: float = 1.0,
        feather: int | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Version:
        """Draw new pixels where the mask is white; every other pixel keeps its bytes.

        Raises:
            MaskRefused, PromptRefused, SettingRefused, RecipeRefused.
        """
        version = self.version(version)
        white = self._read_mask(mask, version)
        recipe = operations.inpaint(
            version,
            mask_digest=self.blobs.put(encode_png(white)),
            mask=white,
            prompt=prompt,
            negative=negative,
            seed=_seeds(seed, 1)[0],
            strength=strength,
            feather=feather,
            capabilities=self.capabilities(),
            quality=quality,
            steps=steps,
            guidance=guidance,
        )
        return self._make("inpaint", (recipe,), (version,))[0]

    def outpaint(
        self,
        version: Version | str,
        *,
        left: int = 0,
        top: int = 0,
        right: int = 0,
        bottom: int = 0,
        prompt: str | None = None,
        seed: int | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Version:
        """Continue the picture past its edges by so many pixels."""
        version = self.version(version)
        recipe = operations.outpaint(
            version,
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            prompt=prompt,
            seed=_seeds(seed, 1)[0],
            capabilities=self.capabilities(),
            quality=quality,
            steps=steps,
            guidance=guidance,
        )
        return self._make("outpaint", (recipe,), (version,))[0]

    def upscale(self, version: Version | str, scale: float = 2.0) -> Version:
        """The same picture with ``scale`` times as many pixels a side."""
        version = self.version(version)
        return self._make("upscale", (operations.upscale(version, scale=scale),), (version,))[0]

    def rollback(self, version: Version | str) -> Version:
        """An earlier version as the newest again. Nothing is lost: what came between stays."""
        target = self.version(version)
        newest = self.records.resolve("@")
        parents = (newest, target) if newest.id != target.id else (target,)
        return self._make("rollback", (operations.rollback(target),), parents)[0]

    def import_picture(self, source: str | Path | bytes) -> tuple[Version, Found]:
        """Take a picture from outside, with the recipe that its file tells of, if any.

        Raises:
            PictureRefused: no picture, damaged, or too large to open safely.
        """
        data, name = _read(source)
        image = decode_picture(data, name=name)
        found = read_metadata(data, name=name)
        recipe = operations.import_picture(
            image_digest=self.blobs.put(encode_png(image)),
            original=self.blobs.put(data),
            size=size_of(image),
            source=found.source,
            prompt=found.prompt,
            sampling=found.sampling,
            model=found.recipe.model if found.recipe else None,
        )
        return self._make("import", (recipe,), ())[0], found

    # -- judging ---------------------------------------------------------------------------

    def critique(self, version: Version | str) -> list[Finding]:
        """Let every critic look at a version again; what they say is kept with it."""
        version = self.version(version)
        picture, trace = self.picture(version), self.trace(version)
        said = [
            finding
            for critic in self._critics()
            for finding in critic.look(version, picture, trace)
        ]
        self.records.add_findings(version.id, said)
        return self.records.findings(version.id)

    def apply(self, version: Version | str, finding: str) -> Version:
        """Carry out what a finding suggests.

        Raises:
            FindingUnknown: no finding of that name, or one without a remedy.
        """
        version = self.version(version)
        by_name = {item.name: item for item in self.records.findings(version.id)}
        found = by_name.get(finding)
        if found is None:
            known = ", ".join(by_name) or "none"
            raise FindingUnknown(f"version {version.short} has no finding '{finding}': {known}")
        if found.suggestion is None:
            raise FindingUnknown(f"finding '{finding}' has no remedy", hint=found.message)
        return self._carry_out(version, found.suggestion.operation, found.suggestion.arguments)

    def _carry_out(self, version: Version, operation: str, arguments: Mapping[str, Any]) -> Version:
        match operation:
            case "reweight":
                return self.reweight(version, arguments["weights"])
            case "vary":
                return self.vary(version, **arguments)[0]
            case "inpaint":
                if "mask" in arguments:
                    given = {key: value for key, value in arguments.items() if key != "mask"}
                    return self.inpaint(version, self.blobs.get(arguments["mask"]), **given)
                raise FindingUnknown("this remedy needs a mask", hint="use 'maquette inpaint'")
            case "upscale":
                return self.upscale(version, **arguments)
            case _:
                raise FindingUnknown(f"no operation '{operation}' in this Maquette")

    def compare(self, before: Version | str, after: Version | str) -> Comparison:
        """What changed from one version to another."""
        a, b = self.version(before), self.version(after)
        return compare(a, b, blobs=self.blobs, traces=(self.trace(a), self.trace(b)))

    def replay(self, version: Version | str) -> Replay:
        """Run a version's recipe again and say whether the same picture comes."""
        version = self.version(version)
        engine = self.engine_of(version.recipe)
        return replay(version, engine=engine, blobs=self.blobs, cancel=self.cancel)

    # -- releasing -------------------------------------------------------------------------

    def identity(self) -> Identity:
        """The person's signing key, made on first use."""
        return load_identity(self.settings.home / "signing")

    def export(
        self,
        version: Version | str,
        path: str | Path,
        *,
        format: str | None = None,
        quality: int = 92,
        prompts: bool = True,
        sign: bool = True,
    ) -> Release:
        """Write a version as a file for the world: metadata, AI marks, signed credentials.

        ``prompts=False`` leaves every prompt text out.

        Raises:
            ExportRefused, KeyRefused, StorageFull.
        """
        chain = self.chain(version)
        return release(
            chain,
            Path(path),
            blobs=self.blobs,
            identity=self.identity() if sign else None,
            format=format,
            quality=quality,
            prompts=prompts,
        )

    def verify(self, source: str | Path | bytes) -> Verdict:
        """What a file from anyone says of its origin, and whether that still holds."""
        data, _ = _read(source)
        anchors = self.settings.home / "signing" / "ca.pem"
        return verify_bytes(data, anchors.read_text() if anchors.is_file() else None)

    # -- inside ----------------------------------------------------------------------------

    def _critics(self) -> list[Critic]:
        from maquette.critics.registry import load_critics

        return load_critics()

    def _read_mask(self, mask: Image.Image | bytes | str | Path, version: Version) -> Image.Image:
        if isinstance(mask, Image.Image):
            data, name = encode_png(mask), "the mask"
        else:
            data, name = _read(mask)
        return decode_mask(data, size=version.size, name=name)

    def _make(
        self,
        operation: str,
        recipes: tuple[Recipe, ...],
        parents: Sequence[Version],
        *,
        maps: bool = True,
    ) -> list[Version]:
        return produce(
            Order(operation, recipes, tuple(parent.id for parent in parents)),
            engine=self.engine_of(recipes[0]),
            blobs=self.blobs,
            records=self.records,
            critics=self._critics(),
            maps=maps,
            previews=self.previews,
            cancel=self.cancel,
            on_event=self.on_event,
        )


def _seeds(seed: int | None, n: int) -> list[int]:
    if not 1 <= n <= MAX_PICTURES:
        raise SettingRefused(f"cannot make {n} pictures at once", hint=f"1 to {MAX_PICTURES}")
    first = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
    if not 0 <= first <= MAX_SEED:
        raise SettingRefused(f"seed {seed} is out of range", hint=f"0 to {MAX_SEED}")
    return [(first + step) % (MAX_SEED + 1) for step in range(n)]


def _read(source: str | Path | bytes) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, ""
    path = Path(source)
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise PictureRefused(
            f"cannot read {path}: {error.strerror or error}", hint="check the file's path"
        ) from error
