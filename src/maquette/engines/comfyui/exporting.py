"""A version as a workflow for ComfyUI: its own recipe and those of the versions it was made from,
as one graph of ComfyUI's own nodes.

Local edits are cut out, drawn, and put back in the graph as they are here. What a graph cannot
hold in itself, uploaded pictures and masks, it loads by the name of their digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from maquette.core.conditioning import Control, Embedding, Lora, Reference
from maquette.core.recipe import (
    Anchored,
    Continue,
    ImageToImage,
    Inpaint,
    Outpaint,
    Recipe,
    TextToImage,
    Upscale,
)
from maquette.engines.comfyui.adapters import union_type
from maquette.engines.comfyui.sheet import SAMPLERS, SCHEDULERS, Graph, Sheet, Wire, sampler_inputs
from maquette.engines.services.words import Words, comfy_words
from maquette.errors import RecipeRefused

__all__ = ["Exported", "Family", "export_graph"]

_DRAWN = (TextToImage, ImageToImage, Inpaint, Outpaint, Continue, Anchored)


@dataclass(frozen=True)
class Family:
    """What a graph must know of a model: its kind (``sd``, ``sdxl``, ``sd3``, ``flux``) and how
    its timesteps are spaced (diffusers' word; '' for ComfyUI's usual ones)."""

    kind: str = ""
    spacing: str = ""


@dataclass(frozen=True)
class Exported:
    """``graph`` is what ``/prompt`` takes. ``pictures`` are the files that it loads from ComfyUI's
    folder ``input``, name to digest. ``models`` are the files that must be in its ``models``
    folders, with the folder. ``notes`` say what is drawn otherwise there."""

    graph: Graph
    pictures: Mapping[str, str]
    models: tuple[str, ...]
    notes: tuple[str, ...]


def export_graph(
    recipe: Recipe,
    *,
    made: Mapping[str, Recipe] | None = None,
    traces: Mapping[str, Recipe] | None = None,
    family: Callable[[Recipe], Family] = lambda _: Family(),
    files: Callable[[Recipe, str], str] = lambda _, __: "",
    prefix: str = "maquette",
) -> Exported:
    """The graph of a recipe. ``made`` says which recipe drew a picture, by its digest, and
    ``traces`` which drew what a trace was kept of, so that the graph goes back to the first words;
    ``family`` says what is known of a recipe's model, ``files`` under which file a ComfyUI has the
    recipe's adapter of a digest, with its folder ('' where nobody knows).

    Raises:
        RecipeRefused: ComfyUI has no nodes of its own for the task, or its words cannot be said
            there.
    """
    writer = _Writer(made or {}, traces or {}, family, files)
    picture = writer.picture_of(recipe)
    writer.sheet.add("save", "SaveImage", images=picture, filename_prefix=prefix)
    return Exported(
        writer.sheet.numbered(),
        dict(sorted(writer.pictures.items())),
        tuple(dict.fromkeys(writer.models)),
        tuple(dict.fromkeys(writer.notes)),
    )


@dataclass
class _Writer:
    made: Mapping[str, Recipe]
    traces: Mapping[str, Recipe]
    family: Callable[[Recipe], Family]
    files: Callable[[Recipe, str], str]
    sheet: Sheet = field(default_factory=Sheet)
    pictures: dict[str, str] = field(default_factory=dict[str, str])
    models: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    _loaded: dict[str, Wire] = field(default_factory=dict[str, Wire])
    _model: dict[str, str] = field(default_factory=dict[str, str])
    _path: list[str] = field(default_factory=list[str])

    def picture_of(self, recipe: Recipe) -> Wire:
        """The nodes that make a recipe's picture; the wire that it comes by."""
        match recipe.task:
            case TextToImage():
                return self._draw(recipe, self._empty(recipe))
            case ImageToImage(image=image, strength=strength):
                start = self._scaled(self._picture(image), recipe.size.width, recipe.size.height)
                latent = self._encode(recipe, start)
                return self._draw(recipe, latent, strength=strength)
            case Inpaint():
                return self._inpaint(recipe, recipe.task)
            case Outpaint():
                return self._outpaint(recipe, recipe.task)
            case Continue() | Anchored():
                return self._continue(recipe, recipe.task)
            case Upscale():
                return self._upscale(recipe, recipe.task)
            case _:
                raise RecipeRefused(
                    f"ComfyUI has no nodes of its own for '{recipe.task.kind}'",
                    hint="export the version that it was made from, or the picture itself",
                )

    def _picture(self, digest: str) -> Wire:
        """A picture by its digest: drawn in the graph where that is possible, else loaded."""
        if digest in self._loaded:
            return self._loaded[digest]
        recipe = self.made.get(digest)
        if recipe is not None and digest not in self._path:
            before = self._kept()
            self._path.append(digest)
            try:
                self._loaded[digest] = self.picture_of(recipe)
                return self._loaded[digest]
            except RecipeRefused as error:
                self._restore(before)
                self.notes.append(f"a picture that the work began with is loaded: {error}")
            finally:
                self._path.pop()
        name = self._file(digest)
        self._loaded[digest] = self.sheet.add("picture", "LoadImage", image=name), 0
        return self._loaded[digest]

    def _file(self, digest: str) -> str:
        name = f"maquette-{digest[:16]}.png"
        self.pictures[name] = digest
        return name

    def _kept(self) -> tuple[Any, ...]:
        kept = (self.sheet.graph, self.pictures, self.models, self.notes, self._loaded, self._model)
        return tuple(each.copy() for each in kept)

    def _restore(self, before: tuple[Any, ...]) -> None:
        self.sheet.graph, self.pictures, self.models = before[:3]
        self.notes, self._loaded, self._model = before[3:]

    def _white(self, digest: str) -> Wire:
        return self.sheet.add("mask", "LoadImageMask", image=self._file(digest), channel="red"), 0

    def _scaled(self, picture: Wire, width: int, height: int, method: str = "lanczos") -> Wire:
        how = {"upscale_method": method, "width": width, "height": height, "crop": "disabled"}
        return self.sheet.add("to size", "ImageScale", image=picture, **how), 0

    def _checkpoint(self, recipe: Recipe) -> str:
        model = recipe.model
        if model is None:
            raise RecipeRefused("this recipe names no model")
        if model.digest not in self._model:
            file = _file_name(model.name)
            self.models.append(f"checkpoints/{file}")
            node = self.sheet.add("model", "CheckpointLoaderSimple", ckpt_name=file)
            self._model[model.digest] = node
        return self._model[model.digest]

    def _empty(self, recipe: Recipe) -> Wire:
        kind = self.family(recipe).kind
        empty = "EmptySD3LatentImage" if kind in {"sd3", "flux"} else "EmptyLatentImage"
        size = {"width": recipe.size.width, "height": recipe.size.height}
        return self.sheet.add("latent", empty, **size, batch_size=1), 0

    def _encode(self, recipe: Recipe, picture: Wire) -> Wire:
        vae = (self._checkpoint(recipe), 2)
        return self.sheet.add("encoded", "VAEEncode", pixels=picture, vae=vae), 0

    def _draw(
        self, recipe: Recipe, latent: Wire, *, strength: float = 1.0, **advanced: Any
    ) -> Wire:
        vae = (self._checkpoint(recipe), 2)
        samples = self._sample(recipe, latent, strength=strength, **advanced)
        return self.sheet.add("drawn", "VAEDecode", samples=samples, vae=vae), 0

    def _sample(self, recipe: Recipe, latent: Wire, *, strength: float, **advanced: Any) -> Wire:
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 (drawn ones)
        sampling, family = recipe.sampling, self.family(recipe)
        checkpoint = self._checkpoint(recipe)
        model, clip = self._adapted(recipe, (checkpoint, 0), (checkpoint, 1))
        words = self._words(recipe)
        positive: Wire = self.sheet.add("prompt", "CLIPTextEncode", clip=clip, text=words.text), 0
        negative: Wire = (
            self.sheet.add("negative", "CLIPTextEncode", clip=clip, text=words.negative),
            0,
        )
        sampler, scheduler = SAMPLERS[sampling.sampler]
        guidance = sampling.guidance
        if family.kind == "flux":
            node = self.sheet.add(
                "guidance", "FluxGuidance", conditioning=positive, guidance=guidance
            )
            positive, guidance, sampler, scheduler = (node, 0), 1.0, "euler", "simple"
        elif family.kind == "sd3":
            sampler, scheduler = "euler", "simple"
        elif sampling.sampler != "lcm":
            scheduler = SCHEDULERS.get(family.spacing, scheduler)
        positive, negative = self._steered(recipe, positive, negative)
        kind, settings = sampler_inputs(
            {
                "seed": sampling.seed,
                "steps": sampling.steps,
                "guidance": guidance,
                "sampler": sampler,
                "scheduler": scheduler,
                "strength": strength,
            }
        )
        if advanced:
            kind = "KSamplerAdvanced"
            settings["noise_seed"] = settings.pop("seed")
            settings = {**settings, **advanced}
            settings.pop("denoise", None)
        given = {"positive": positive, "negative": negative, "latent_image": latent}
        return self.sheet.add("sampler", kind, model=model, **given, **settings), 0

    def _words(self, recipe: Recipe) -> Words:
        assert recipe.prompt is not None  # noqa: S101 (drawn ones)
        loras = {each.name for each in recipe.conditionings if isinstance(each, Lora)}
        words = comfy_words(recipe.prompt, answered=loras)
        self.notes += [f"{item.asked}: {item.given}, {item.reason}" for item in words.said]
        text, negative = words.text, words.negative
        for each in recipe.conditionings:
            if isinstance(each, Embedding):
                self.models.append(f"embeddings/{each.word}.safetensors")
                named = f"embedding:{each.word}"
                text, negative = text.replace(each.word, named), negative.replace(each.word, named)
        return Words(text, negative)

    def _adapted(self, recipe: Recipe, model: Wire, clip: Wire) -> tuple[Wire, Wire]:
        for each in recipe.conditionings:
            if isinstance(each, Lora):
                file = self.files(recipe, each.digest) or _file_name(each.name)
                self.models.append(f"loras/{file}")
                told = each.weight if each.text_weight is None else each.text_weight
                node = self.sheet.add(
                    "LoRA",
                    "LoraLoader",
                    model=model,
                    clip=clip,
                    lora_name=file,
                    strength_model=each.weight,
                    strength_clip=told,
                )
                model, clip = (node, 0), (node, 1)
        return model, clip

    def _steered(self, recipe: Recipe, positive: Wire, negative: Wire) -> tuple[Wire, Wire]:
        for each in recipe.conditionings:
            if isinstance(each, Control) and each.condition == "inpaint":
                self.notes.append(
                    f"the network '{each.adapter.name}', which fills holes, is left out"
                )
            elif isinstance(each, Control):
                file = self.files(recipe, each.adapter.digest) or _file_name(each.adapter.name)
                self.models.append(f"controlnet/{file}")
                network: Wire = (
                    self.sheet.add("control", "ControlNetLoader", control_net_name=file),
                    0,
                )
                known = f"{self.family(recipe).kind} {file}"
                if told := union_type(known, each.condition):
                    how: dict[str, Any] = {"control_net": network, "type": told}
                    network = self.sheet.add("mode", "SetUnionControlNetType", **how), 0
                node = self.sheet.add(
                    each.condition,
                    "ControlNetApplyAdvanced",
                    positive=positive,
                    negative=negative,
                    control_net=network,
                    image=self._map(recipe, each.image),
                    strength=each.strength,
                    start_percent=each.start,
                    end_percent=each.end,
                    vae=(self._checkpoint(recipe), 2),  # SD3's and FLUX's read maps as latents
                )
                positive, negative = (node, 0), (node, 1)
            elif isinstance(each, Reference):
                self.notes.append(
                    f"the {each.role} reference {each.image[:10]} is left out: ComfyUI has no node"
                    " of its own for it"
                )
        return positive, negative

    def _map(self, recipe: Recipe, image: str) -> Wire:
        """A control's map, as large as the canvas; of a part of the picture that part alone."""
        shown: Wire = self.sheet.add("map", "LoadImage", image=self._file(image)), 0
        task = recipe.task
        if not isinstance(task, Inpaint):
            return shown
        region, work = task.region, task.work
        corner = {"x": region.x, "y": region.y, "width": region.width, "height": region.height}
        cut: Wire = self.sheet.add("map cut out", "ImageCrop", image=shown, **corner), 0
        same = (work.width, work.height) == (region.width, region.height)
        return cut if same else self._scaled(cut, work.width, work.height)

    def _inpaint(self, recipe: Recipe, task: Inpaint) -> Wire:
        region, work = task.region, task.work
        picture, mask = self._picture(task.image), self._white(task.mask)
        corner = {"x": region.x, "y": region.y, "width": region.width, "height": region.height}
        cut: Wire = self.sheet.add("cut out", "ImageCrop", image=picture, **corner), 0
        hole: Wire = self.sheet.add("mask cut out", "CropMask", mask=mask, **corner), 0
        start, where = cut, hole
        if (work.width, work.height) != (region.width, region.height):
            start = self._scaled(cut, work.width, work.height)
            shown = self.sheet.add("mask as picture", "MaskToImage", mask=hole), 0
            small = self._scaled(shown, work.width, work.height, "bilinear")
            where = self.sheet.add("mask to size", "ImageToMask", image=small, channel="red"), 0
        encoded = self._encode(recipe, start)
        latent = self.sheet.add("latent", "SetLatentNoiseMask", samples=encoded, mask=where), 0
        drawn = self._draw(recipe, latent, strength=task.strength)
        if (work.width, work.height) != (region.width, region.height):
            drawn = self._scaled(drawn, region.width, region.height)
        return self._put_back(picture, drawn, hole, (region.x, region.y), task.feather)

    def _put_back(
        self, onto: Wire, drawn: Wire, hole: Wire, at: tuple[int, int], feather: int
    ) -> Wire:
        """Lay what was drawn on the picture, inside the mask only; its border is softened inwards,
        as far as ComfyUI's own nodes go."""
        soft = hole
        if feather > 1:
            # Shrunk, blurred, and never beyond the mask itself.
            half = max(1, feather // 2)
            inner = self.sheet.add(
                "inside", "GrowMask", mask=hole, expand=-half, tapered_corners=True
            )
            shown = self.sheet.add("inside as picture", "MaskToImage", mask=(inner, 0))
            blurred = self.sheet.add(
                "soft",
                "ImageBlur",
                image=(shown, 0),
                blur_radius=min(half, 31),
                sigma=round(max(0.5, half / 2), 2),
            )
            edge = self.sheet.add("soft mask", "ImageToMask", image=(blurred, 0), channel="red")
            soft = (
                self.sheet.add(
                    "inside only",
                    "MaskComposite",
                    destination=(edge, 0),
                    source=hole,
                    x=0,
                    y=0,
                    operation="multiply",
                ),
                0,
            )
            self.notes.append("borders of local edits are blended by ComfyUI's own nodes")
        laid = {"x": at[0], "y": at[1], "resize_source": False, "mask": soft}
        node = self.sheet.add(
            "put back", "ImageCompositeMasked", destination=onto, source=drawn, **laid
        )
        return node, 0

    def _outpaint(self, recipe: Recipe, task: Outpaint) -> Wire:
        picture = self._picture(task.image)
        sides = {"left": task.left, "top": task.top, "right": task.right, "bottom": task.bottom}
        padded = self.sheet.add(
            "canvas", "ImagePadForOutpaint", image=picture, **sides, feathering=task.overlap
        )
        self.notes.append(
            "new sides start from grey in ComfyUI, here from the picture's own colours"
        )
        canvas: Wire = (padded, 0)
        hole: Wire = (padded, 1)
        work = task.work
        same = (work.width, work.height) == (recipe.size.width, recipe.size.height)
        start = canvas if same else self._scaled(canvas, work.width, work.height)
        where = hole
        if not same:
            shown = self.sheet.add("mask as picture", "MaskToImage", mask=hole), 0
            small = self._scaled(shown, work.width, work.height, "bilinear")
            where = self.sheet.add("mask to size", "ImageToMask", image=small, channel="red"), 0
        encoded = self._encode(recipe, start)
        latent = self.sheet.add("latent", "SetLatentNoiseMask", samples=encoded, mask=where), 0
        drawn = self._draw(recipe, latent)
        if not same:
            drawn = self._scaled(drawn, recipe.size.width, recipe.size.height)
        return self._put_back(canvas, drawn, hole, (0, 0), 0)

    def _continue(self, recipe: Recipe, task: Continue | Anchored) -> Wire:
        if isinstance(task, Anchored):
            self.notes.append("words that were raised in their places are raised everywhere")
        draft = self.traces.get(task.trace)
        if draft is None or draft.sampling is None or recipe.sampling is None:
            raise RecipeRefused("the drawing that it was taken up from is not known")
        begun = self._sample(
            draft,
            self._empty(draft),
            strength=1.0,
            add_noise="enable",
            start_at_step=0,
            end_at_step=task.step,
            return_with_leftover_noise="enable",
        )
        share = task.step / draft.sampling.steps
        return self._draw(
            recipe,
            begun,
            add_noise="disable",
            start_at_step=round(share * recipe.sampling.steps),
            end_at_step=10_000,
            return_with_leftover_noise="disable",
        )

    def _upscale(self, recipe: Recipe, task: Upscale) -> Wire:
        picture = self._picture(task.image)
        if task.method == "learned" and recipe.model is not None:
            file = _file_name(recipe.model.name)
            self.models.append(f"upscale_models/{file}")
            network = self.sheet.add("upscaler", "UpscaleModelLoader", model_name=file), 0
            node = self.sheet.add(
                "enlarged", "ImageUpscaleWithModel", upscale_model=network, image=picture
            )
            picture = (node, 0)
        return self._scaled(picture, recipe.size.width, recipe.size.height)


def _file_name(name: str) -> str:
    """The file that a model is called by in ComfyUI's folders, below a folder where its name says
    one. Of a path of this machine the last part alone."""
    name = name.replace("\\", "/").rstrip("/")
    if name.startswith(("/", "~", ".")) or ":" in name or "/../" in name:
        name = name.rsplit("/", 1)[-1]
    known = (".safetensors", ".sft", ".ckpt", ".pth", ".pt", ".onnx")
    return name if name.endswith(known) else f"{name}.safetensors"
