"""Orders: what each verb asks for. The one place where a verb's arguments are listed and read.

Nothing is drawn here. ``Making`` carries an order out at once, ``Queueing`` lets it wait for a
worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from maquette import operations
from maquette.core.explore import Reach, styles
from maquette.core.geometry import Size
from maquette.core.picture import encode_png
from maquette.core.recipe import Anchored, PromptText
from maquette.core.trace import unpack_trace
from maquette.core.trajectory import Kept
from maquette.core.version import Version
from maquette.errors import FindingUnknown, SettingRefused
from maquette.operations.refine import BEGIN, STRENGTH, WHOLE, Way
from maquette.operations.reweight import EARLY
from maquette.operations.settings import drawable_size, prompt_or_own, prompt_text
from maquette.stages.judge import words_of
from maquette.stages.order import Order
from maquette.studio.desk import seeds_from
from maquette.studio.filling import chain_step, fill_template, play_order
from maquette.studio.pixel_orders import PixelOrders
from maquette.studio.plan_orders import PlanOrders
from maquette.studio.steering import AnyPicture, Likeness, Steering, Structure, read_steering
from maquette.studio.teach_orders import TeachOrders
from maquette.studio.wording import chosen, joined, likenesses, origin_of, read_words

if TYPE_CHECKING:
    from maquette.studio.desk import Desk

__all__ = ["Orders"]


class Orders(PixelOrders, PlanOrders, TeachOrders):
    """A method for each verb; each has the verb's arguments and returns the ``Order``."""

    def __init__(self, desk: Desk) -> None:
        """For the project and with the engine of this desk."""
        self._desk = desk

    fill = fill_template
    chain_step = chain_step
    play = play_order

    @property
    def desk(self) -> Desk:
        """The project and the engine that orders are for."""
        return self._desk

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
        flags: str = "auto",
        control: Sequence[Structure | Mapping[str, Any]] = (),
        reference: Sequence[Likeness | Mapping[str, Any]] = (),
        lora: Mapping[str, float] | Sequence[str] = (),
        embedding: Mapping[str, str] | Sequence[str] = (),
    ) -> Order:
        """Draw ``n`` pictures from words, with seeds ``seed``, ``seed + 1`` and so on.

        ``size`` is width and height in pixels (default: the model's best), ``maps`` asks for token
        maps. ``flags`` says whether Midjourney's flags at the prompt's end are translated
        (``auto``, ``midjourney``, ``none``: see ``studio.wording``); what is given by name counts
        before a flag. ``control`` are structures to obey (``Structure``), ``reference`` pictures to
        be like (``Likeness``), ``lora`` and ``embedding`` adapters by name with weights and words;
        ``<lora:name:weight>`` in the prompt asks for one too. Versions that they show become
        parents.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
            ModelMissing, ModelRefused: an adapter that is not there or not to be loaded.
            AddressRefused, ServiceUnreachable, ServiceRefused, ServiceFailed, PictureRefused: the
                address of a reference among the flags.
        """
        able = self._desk.capabilities()
        said = read_words(prompt, flags, able)
        asked = said.settings
        against = joined(negative, said.negative)
        steering = self._steer(
            drawable_size(able, chosen(size, None, asked, "size")),
            prompt_text(said.prompt, against, interpreter),
            control=control,
            reference=[*reference, *likenesses(said, self._desk)],
            lora=lora,
            embedding=embedding,
        )
        recipes = tuple(
            operations.generate(
                said.prompt,
                against,
                capabilities=able,
                seed=each,
                size=chosen(size, None, asked, "size"),
                quality=chosen(quality, "final", asked, "quality"),
                steps=chosen(steps, None, asked, "steps"),
                guidance=chosen(guidance, None, asked, "guidance"),
                sampler=sampler,
                interpreter=interpreter,
                conditionings=steering.conditionings,
            )
            for each in seeds_from(chosen(seed, None, asked, "seed"), chosen(n, 1, asked, "n"))
        )
        origins = (origin_of(prompt, said),) * len(recipes)
        return Order("generate", recipes, steering.parents, maps=maps, origins=origins)

    def explore(
        self,
        prompt: str,
        *,
        reach: Reach = "near",
        n: int = 5,
        negative: str = "",
        seed: int | None = None,
        size: tuple[int, int] | None = None,
        quality: str = "draft",
    ) -> Order:
        """The same words and seed in ``n`` other styles: ``near`` the prompt's own, or ``far``
        from it and from each other. Fewer when the model does not know so many.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
        """
        able = self._desk.capabilities()
        said = read_words(prompt, "auto", able)
        asked = said.settings
        found = styles(said.prompt, reach=reach, count=n, vocabulary=able.vocabulary)
        if not found:
            raise SettingRefused(
                "there is no other style to try", hint="this model knows none, or n is below 1"
            )
        [seed] = seeds_from(chosen(seed, None, asked, "seed"), 1)
        like = likenesses(said, self._desk)
        drawn = [
            self.generate(
                each.text,
                negative=joined(negative, said.negative),
                seed=seed,
                size=chosen(size, None, asked, "size"),
                quality=quality,
                flags="none",
                reference=like,
            )
            for each in found
        ]
        recipes = tuple(order.recipes[0] for order in drawn)
        origins = (origin_of(prompt, said),) * len(recipes)
        return Order("explore", recipes, drawn[0].parents, origins=origins)

    def vary(
        self,
        version: Version | str,
        *,
        strength: float = 0.5,
        seed: int | None = None,
        n: int = 1,
        prompt: str | None = None,
        negative: str | None = None,
        size: tuple[int, int] | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        control: Sequence[Structure | Mapping[str, Any]] = (),
        reference: Sequence[Likeness | Mapping[str, Any]] = (),
        lora: Mapping[str, float] | Sequence[str] = (),
        embedding: Mapping[str, str] | Sequence[str] = (),
    ) -> Order:
        """Pictures near a version: image-to-image at ``strength`` (0 keeps it, 1 ignores it).

        ``size`` is width and height in pixels (default: the version's); the picture is brought to
        it first. ``control``, ``reference``, ``lora`` and ``embedding`` are as for ``generate``;
        LoRAs and learned words of the version's own stay.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
            ModelMissing, ModelRefused: an adapter that is not there or not to be loaded.
        """
        version = self._desk.version(version)
        able = self._desk.capabilities()
        steering = self._steer(
            able.nearest(version.size) if size is None else drawable_size(able, size),
            prompt_or_own(version, prompt, negative),
            version,
            control=control,
            reference=reference,
            lora=lora,
            embedding=embedding,
        )
        recipes = tuple(
            operations.vary(
                version,
                strength=strength,
                seed=each,
                prompt=prompt,
                negative=negative,
                size=size,
                capabilities=able,
                quality=quality,
                steps=steps,
                guidance=guidance,
                sampler=sampler,
                conditionings=steering.conditionings,
            )
            for each in seeds_from(seed, n)
        )
        return Order("vary", recipes, steering.after(version))

    def refine(
        self,
        version: Version | str,
        *,
        quality: str = "final",
        way: Way = "auto",
        begin: float = BEGIN,
        strength: float = STRENGTH,
        size: tuple[int, int] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Order:
        """A draft at another quality, its composition kept.

        ``way`` is ``continue`` (from the latents that the draft kept after the share ``begin`` of
        its steps), ``picture`` (image-to-image at ``strength``), ``seed`` (the same noise again)
        or ``auto``. ``size`` is a larger one of the same shape.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
        """
        version = self._desk.version(version)
        recipe = operations.refine(
            version,
            kept=self._kept(version),
            capabilities=self._desk.capabilities(),
            way=way,
            begin=begin,
            strength=strength,
            size=size,
            quality=quality,
            steps=steps,
            guidance=guidance,
        )
        return Order("refine", (recipe,), (version.id,))

    def reweight(
        self,
        version: Version | str,
        weights: Mapping[str, float],
        *,
        begin: float = EARLY,
    ) -> Order:
        """The same picture with some words weighing more or less; seed and composition stay.

        It goes on from what the version kept of its drawing after the share ``begin`` of its
        steps: early, so that things keep their places and still grow, in them where the engine can
        do that; 0.5 takes half of the time and changes less. 0, or a version that kept nothing,
        draws from noise as the version did.

        Raises:
            WordUnknown, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
        """
        version = self._desk.version(version)
        kept, anchored = (), False
        if begin > 0 and version.recipe.prompt is not None:
            task = version.recipe.task
            base = task.trace if isinstance(task, Anchored) else version.trace
            kept = self._kept(version, base)
            able = self._desk.engine_of(version.recipe).capabilities()
            anchored = "anchored" in able.tasks
        recipe = operations.reweight(version, weights, kept=kept, begin=begin, anchored=anchored)
        return Order("reweight", (recipe,), (version.id,))

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
        sampler: str | None = None,
        control: Sequence[Structure | Mapping[str, Any]] = (),
        reference: Sequence[Likeness | Mapping[str, Any]] = (),
        lora: Mapping[str, float] | Sequence[str] = (),
        embedding: Mapping[str, str] | Sequence[str] = (),
    ) -> Order:
        """Draw new pixels where the mask is white; every other pixel keeps its bytes.

        The mask is a greyscale picture of the version's size. ``feather`` is the width of the
        blend in pixels. ``control``, ``reference``, ``lora`` and ``embedding`` are as for ``vary``;
        maps are of the version's size. The control ``inpaint`` has none: its network looks at what
        surrounds the hole.

        Raises:
            MaskRefused, PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
            ModelMissing, ModelRefused: an adapter that is not there or not to be loaded.
        """
        version = self._desk.version(version)
        steering = self._steer(
            version.size,
            prompt_or_own(version, prompt, negative or None),
            version,
            control=control,
            reference=reference,
            lora=lora,
            embedding=embedding,
            edited=version,
        )
        white = self._desk.read_mask(mask, version)
        recipe = operations.inpaint(
            version,
            mask_digest=self._desk.blobs.put(encode_png(white)),
            mask=white,
            prompt=prompt,
            negative=negative,
            seed=seeds_from(seed, 1)[0],
            strength=strength,
            feather=feather,
            capabilities=self._desk.capabilities(),
            quality=quality,
            steps=steps,
            guidance=guidance,
            sampler=sampler,
            conditionings=steering.conditionings,
        )
        return Order("inpaint", (recipe,), steering.after(version))

    def outpaint(
        self,
        version: Version | str,
        *,
        left: int = 0,
        top: int = 0,
        right: int = 0,
        bottom: int = 0,
        overlap: int = 0,
        prompt: str | None = None,
        seed: int | None = None,
        quality: str = "final",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        control: Sequence[Structure | Mapping[str, Any]] = (),
        reference: Sequence[Likeness | Mapping[str, Any]] = (),
        lora: Mapping[str, float] | Sequence[str] = (),
        embedding: Mapping[str, str] | Sequence[str] = (),
    ) -> Order:
        """Continue the picture past its edges by so many pixels.

        The old picture keeps its bytes, but for ``overlap`` pixels beside the new sides, which are
        drawn anew and blended, so that no line stays where it ended.
        ``control``, ``reference``, ``lora`` and ``embedding`` are as for ``vary``; maps are of the
        new canvas' size.

        Raises:
            PromptRefused, SettingRefused, RecipeRefused, Cancelled, EngineFailed.
            ModelMissing, ModelRefused: an adapter that is not there or not to be loaded.
        """
        version = self._desk.version(version)
        canvas = Size(
            width=version.size.width + max(0, left) + max(0, right),
            height=version.size.height + max(0, top) + max(0, bottom),
        )
        steering = self._steer(
            canvas,
            prompt_or_own(version, prompt, None),
            version,
            control=control,
            reference=reference,
            lora=lora,
            embedding=embedding,
            edited=version,
        )
        recipe = operations.outpaint(
            version,
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            overlap=overlap,
            prompt=prompt,
            seed=seeds_from(seed, 1)[0],
            capabilities=self._desk.capabilities(),
            quality=quality,
            steps=steps,
            guidance=guidance,
            sampler=sampler,
            conditionings=steering.conditionings,
        )
        return Order("outpaint", (recipe,), steering.after(version))

    def apply(self, version: Version | str, finding: str) -> Order:
        """Carry out what a finding suggests.

        Raises:
            FindingUnknown: no finding of that name, or one without a remedy.
            Cancelled, EngineFailed: and what the remedy's own verb raises.
        """
        version = self._desk.version(version)
        by_name = {item.name: item for item in self._desk.records.findings(version.id)}
        found = by_name.get(finding)
        if found is None:
            known = ", ".join(by_name) or "none"
            raise FindingUnknown(f"version {version.short} has no finding '{finding}': {known}")
        if found.suggestion is None:
            raise FindingUnknown(f"finding '{finding}' has no remedy", hint=found.message)
        return self._remedy(version, found.suggestion.operation, found.suggestion.arguments)

    def replay(self, version: Version | str) -> Order:
        """Run a version's recipe again and say whether the same picture comes. The job's result:
        ``{verdict, psnr, reasons}``, psnr in dB or None."""
        version = self._desk.version(version)
        maps = version.trace is not None
        return Order("replay", (version.recipe,), (version.id,), maps=maps)

    def critique(self, version: Version | str) -> Order:
        """Let every critic look at a version again. The job's result: ``{findings}``, how many."""
        version = self._desk.version(version)
        return Order("critique", (version.recipe,), (version.id,))

    def explain(self, version: Version | str, caption: str | None = None) -> Order:
        """Make token maps of a picture that has none, for its own words or for a caption. The
        job's result: ``{trace}``, the digest; ``studio.trace`` finds them from then on.

        Raises:
            TraceMissing: there are no words to look for.
        """
        version = self._desk.version(version)
        words_of(version, caption)
        asked = {"caption": caption} if caption else {}
        return Order("explain", (version.recipe,), (version.id,), arguments=asked)

    def _kept(self, version: Version, trace: str | None = None) -> tuple[Kept, ...]:
        """What a version kept of its drawing (or another trace did); nothing of one whose latents
        are of a part of it."""
        trace = trace or version.trace
        if version.trace is None or trace is None or version.recipe.task.kind not in WHOLE:
            return ()
        return unpack_trace(self._desk.blobs.get(trace)).kept

    def picture(self, source: AnyPicture) -> tuple[Image.Image, Version | None]:
        """A picture, from wherever it is given, and its version if it is one's.

        Raises:
            PictureRefused, VersionUnknown, AmbiguousVersion.
        """
        return self._picture(source)

    def _steer(
        self, size: Size, prompt: PromptText, version: Version | None = None, **asked: Any
    ) -> Steering:
        own = version.recipe.conditionings if version is not None else ()
        return read_steering(self._desk, self._picture, size=size, prompt=prompt, own=own, **asked)

    def _remedy(self, version: Version, operation: str, arguments: Mapping[str, Any]) -> Order:
        match operation:
            case "reweight":
                return self.reweight(version, arguments["weights"])
            case "vary":
                return self.vary(version, **{**arguments, "n": 1})
            case "inpaint":
                if "mask" not in arguments:
                    raise FindingUnknown("this remedy needs a mask", hint="use 'maquette inpaint'")
                # Some edits are mended by making them again, from the picture before them.
                start = arguments.get("version", version)
                given = {k: v for k, v in arguments.items() if k not in {"mask", "version"}}
                return self.inpaint(start, self._desk.blobs.get(arguments["mask"]), **given)
            case "upscale":
                return self.upscale(version, **arguments)
            case "composite":
                return self.composite(version, **arguments)
            case _:
                raise FindingUnknown(f"no operation '{operation}' in this Maquette")
