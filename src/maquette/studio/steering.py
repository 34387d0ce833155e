"""What steers a picture beside its words, read from what people say: files, versions, names.

The one place where controls, references, LoRAs and learned words become values of a recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from PIL import Image
from pydantic import ValidationError

from maquette.core.adapter import Adapter, AdapterKind
from maquette.core.conditioning import Conditioning, Control, Embedding, Lora, Reference
from maquette.core.geometry import Size
from maquette.core.grammar import loras, parse
from maquette.core.picture import decode_mask, encode_png, size_of
from maquette.core.recipe import PromptText
from maquette.core.version import Version
from maquette.engines.base import Adapting
from maquette.errors import (
    ExtraMissing,
    MaquetteError,
    ModelMissing,
    RecipeRefused,
    SettingRefused,
)
from maquette.operations.controls import KINDS, PURE, make_map
from maquette.studio.desk import read_file
from maquette.studio.faces import Faces

if TYPE_CHECKING:
    from maquette.studio.desk import Desk

__all__ = [
    "FILLING",
    "AnyPicture",
    "Likeness",
    "Steering",
    "Structure",
    "fitted",
    "lacking",
    "map_of",
    "read_steering",
]

AnyPicture = Version | Image.Image | bytes | str | Path
"""A picture itself, its bytes, its file, or a version of the project. Text is a file where there
is one, else a version."""

ATTENTION = "attention"
"""In place of an adapter's name: none, though there may be one."""

FILLING = "inpaint"
"""The control that has no map."""

_ROLES: tuple[str, ...] = get_args(Reference.model_fields["role"].annotation)
T = TypeVar("T")


@dataclass(frozen=True)
class Structure:
    """A structure to obey. ``image`` is the map, of the drawn picture's size; with ``make`` it is a
    picture, and the map is made of it. ``adapter`` names the network (default: the first that
    reads the condition). It acts with ``strength`` (0 to 2) from ``start`` to ``end`` of the steps.
    ``of`` is the version that a map was made of by hand: it says no more than where it came from.
    ``inpaint`` has no map: its network looks at what surrounds the hole that is filled.
    """

    condition: str
    image: AnyPicture | None = None
    make: bool = False
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    adapter: str | None = None
    of: AnyPicture | None = None


@dataclass(frozen=True)
class Likeness:
    """A picture to be like, in a ``role``: style, character, object or face.

    ``mask`` (of the drawn picture's size, white = here) keeps it to a part, ``start`` and ``end``
    to a share of the steps. ``adapter`` names an IP-Adapter, or ``attention``, which looks at the
    picture itself (default: the first adapter for the role, else attention). ``face`` says which
    of several is meant, counted from the left, from 1 (default: the largest, if it is so by far).
    """

    role: str
    image: AnyPicture
    strength: float = 1.0
    mask: Image.Image | bytes | str | Path | None = None
    adapter: str | None = None
    start: float = 0.0
    end: float = 1.0
    face: int | None = None


@dataclass(frozen=True)
class Steering:
    """Conditionings for a recipe, and the versions that they come from."""

    conditionings: tuple[Conditioning, ...] = ()
    parents: tuple[str, ...] = ()

    def after(self, version: Version) -> tuple[str, ...]:
        """The parents of a picture that is made of a version, the version first."""
        return tuple(dict.fromkeys((version.id, *self.parents)))


def read_steering(
    desk: Desk,
    picture: Callable[[Any], tuple[Image.Image, Version | None]],
    *,
    size: Size,
    prompt: PromptText | None,
    control: Sequence[Structure | Mapping[str, Any]] = (),
    reference: Sequence[Likeness | Mapping[str, Any]] = (),
    lora: Mapping[str, float] | Sequence[str] = (),
    embedding: Mapping[str, str] | Sequence[str] = (),
    own: Iterable[Conditioning] = (),
    edited: Version | None = None,
) -> Steering:
    """Read what was asked for a picture of ``size``.

    ``lora`` are names with weights, ``embedding`` names (with the words that stand for them, where
    those differ). ``<lora:name:weight>`` in the prompt asks for a LoRA too; a weight by name counts
    first. ``own`` are what the picture's version was drawn with, which tags may mean; ``edited`` is
    the version that a hole is filled in, where that is what is drawn.

    Raises:
        RecipeRefused: the engine takes no adapters, has none for what is asked, or they do not go
            with its model.
        ModelMissing, ModelRefused: an adapter that is not there, damaged, pickled or of another
            kind.
        SettingRefused, PictureRefused, MaskRefused, VersionUnknown: as their names say.
    """
    weights = dict(lora) if isinstance(lora, Mapping) else dict.fromkeys(lora, 1.0)
    words = dict(embedding) if isinstance(embedding, Mapping) else {n: n for n in embedding}
    tags = _tags(prompt, {c.name for c in own if isinstance(c, Lora)} | set(weights))
    if not (weights or words or tags or control or reference):
        return Steering()
    reader = _Reader(desk, picture, size, edited)
    found: list[Conditioning] = [reader.lora(name, weight) for name, weight in weights.items()]
    found += [reader.tagged(*tag) for tag in tags]
    found += [reader.embedding(name, word, prompt) for name, word in words.items()]
    found += [reader.control(_as(Structure, each)) for each in control]
    found += [reader.reference(_as(Likeness, each)) for each in reference]
    return Steering(tuple(found), tuple(dict.fromkeys(reader.parents)))


def lacking(
    desk: Desk,
    control: Sequence[Mapping[str, Any]] = (),
    reference: Sequence[Mapping[str, Any]] = (),
) -> tuple[list[str], list[str]]:
    """Of each control and reference, why this engine and model have no network for it; empty where
    they have. Only kind and adapter are looked at, no picture is."""
    try:
        reader = _Reader(desk, lambda _: None, desk.capabilities().best_size)
    except RecipeRefused as error:
        return [str(error)] * len(control), [str(error)] * len(reference)

    def lack(find: Callable[[str, str | None], object], kind: Any, name: str | None) -> str:
        try:
            find(str(kind), name)
        except (ModelMissing, RecipeRefused, ExtraMissing) as error:
            return str(error)
        return ""

    return (
        [lack(reader.network_for, each.get("condition"), each.get("adapter")) for each in control],
        [lack(reader.encoder_for, each.get("role"), each.get("adapter")) for each in reference],
    )


class _Reader:
    def __init__(
        self,
        desk: Desk,
        picture: Callable[[Any], Any],
        size: Size,
        edited: Version | None = None,
    ) -> None:
        engine = desk.engine()
        if not isinstance(engine, Adapting):
            raise RecipeRefused(
                f"the engine '{engine.name}' takes no LoRAs, controls or references",
                hint="the engine 'diffusers' does",
            )
        self.engine = engine
        self.desk = desk
        self.picture = picture
        self.size = size
        self.edited = edited
        self.parents: list[str] = []
        self.faces = Faces(desk.settings.models)

    def lora(self, name: str, weight: float) -> Lora:
        """By its name, or by its file."""
        adapter = self._fitting(self.engine.find_adapter(name, "lora"))
        ref = self.engine.name_adapter(adapter)
        return _checked(Lora, name=ref.name, digest=ref.digest, weight=weight)

    def tagged(self, name: str, weight: float, text_weight: float) -> Lora:
        """By what a tag says: a name, never a file (a prompt may come from anywhere). It keeps the
        tag's spelling, by which the engine knows that the tag is answered."""
        bare = PurePosixPath(name.replace("\\", "/")).name.removesuffix(".safetensors")
        adapter = self._fitting(self.engine.find_adapter(bare, "lora"))
        return _checked(
            Lora,
            name=name,
            digest=self.engine.name_adapter(adapter).digest,
            weight=weight,
            text_weight=None if text_weight == weight else text_weight,
        )

    def embedding(self, name: str, word: str, prompt: PromptText | None) -> Embedding:
        adapter = self._fitting(self.engine.find_adapter(name, "embedding"))
        word = adapter.name if word == name else word
        texts = [prompt.text, prompt.negative] if prompt is not None else []
        if not any(word.lower() in text.lower() for text in texts):
            raise SettingRefused(
                f"the embedding '{adapter.name}' is for '{word}', which the prompt does not say",
                hint=f"put '{word}' into the prompt or the negative prompt",
            )
        return _checked(Embedding, word=word, digest=self.engine.name_adapter(adapter).digest)

    def control(self, asked: Structure) -> Control:
        if asked.condition == FILLING:
            return self._filling(asked)
        if asked.condition not in KINDS:
            known = ", ".join((*KINDS, FILLING))
            raise SettingRefused(f"no control '{asked.condition}'", hint=f"one of {known}")
        if asked.image is None:
            raise SettingRefused(f"there is no map for {asked.condition}", hint="give its picture")
        adapter = self.network_for(asked.condition, asked.adapter)
        image = self._shown(asked.image)
        if asked.of is not None:
            self._shown(asked.of)
        if asked.make:
            image = map_of(self.desk, fitted(image, self.size), asked.condition)
        elif size_of(image) != self.size:
            raise SettingRefused(
                f"the map for {asked.condition} has {size_of(image)} pixels,"
                f" the picture will have {self.size}",
                hint=f"make the map at {self.size}, or draw at the map's size",
            )
        return _checked(
            Control,
            condition=asked.condition,
            image=self.desk.blobs.put(encode_png(_plain(image))),
            adapter=self.engine.name_adapter(adapter),
            strength=asked.strength,
            start=asked.start,
            end=asked.end,
        )

    def _filling(self, asked: Structure) -> Control:
        if asked.image is not None:
            raise SettingRefused(
                f"'{FILLING}' takes no map: it looks at what surrounds the hole",
                hint="give it without a picture",
            )
        if self.edited is None:
            raise SettingRefused(
                f"'{FILLING}' looks at what surrounds a hole, and nothing is filled here",
                hint="use it with inpaint and outpaint",
            )
        adapter = self.network_for(FILLING, asked.adapter)
        return _checked(
            Control,
            condition=FILLING,
            image=self.edited.image,
            adapter=self.engine.name_adapter(adapter),
            strength=asked.strength,
            start=asked.start,
            end=asked.end,
        )

    def reference(self, asked: Likeness) -> Reference:
        if asked.role not in _ROLES:
            raise SettingRefused(f"no reference '{asked.role}'", hint=f"one of {', '.join(_ROLES)}")
        counted = asked.face is None or (isinstance(asked.face, int) and asked.face >= 1)
        if not counted or (asked.face is not None and asked.role != "face"):
            raise SettingRefused(
                f"face {asked.face} of a {asked.role} is no face", hint="faces are counted from 1"
            )
        image = self._shown(asked.image)
        adapter = self.encoder_for(asked.role, asked.adapter)
        identity: dict[str, Any] = {}
        if asked.role == "face":
            image, face = self.faces.cut_out(image, asked.face)
            if adapter is not None and (who := self.faces.recogniser_for(adapter)) is not None:
                identity = {"recogniser": who, "marks": face.marks}
        mask = None
        if asked.mask is not None:
            mask = self.desk.blobs.put(encode_png(self._mask(asked.mask)))
        return _checked(
            Reference,
            role=asked.role,
            image=self.desk.blobs.put(encode_png(image)),
            adapter=self.engine.name_adapter(adapter) if adapter is not None else None,
            strength=asked.strength,
            mask=mask,
            start=asked.start,
            end=asked.end,
            **identity,
        )

    def _shown(self, source: Any) -> Image.Image:
        image, version = self.picture(source)
        if version is not None:
            self.parents.append(version.id)
        return image

    def _mask(self, mask: Any) -> Image.Image:
        data, name = (
            (encode_png(mask), "the mask") if isinstance(mask, Image.Image) else read_file(mask)
        )
        return decode_mask(data, size=self.size, name=name)

    def _fitting(self, adapter: Adapter) -> Adapter:
        for each in self.engine.adapters():
            if each.path == adapter.path and each.misfit:
                raise RecipeRefused(
                    f"'{adapter.name}' does not go with this model: {each.misfit}",
                    hint="use it with the family that it was trained on",
                )
        return adapter

    def network_for(self, condition: str, name: str | None) -> Adapter:
        """The control network of a name, or the first that reads a condition.

        Raises:
            ModelMissing, RecipeRefused: there is none.
        """
        kinds: tuple[AdapterKind, ...] = ("control", "t2i-adapter")
        if name is not None:
            found = self._fitting(self.engine.find_adapter(name, *kinds))
            if found.conditions and condition not in found.conditions:
                raise RecipeRefused(
                    f"'{found.name}' reads {', '.join(found.conditions)}, not {condition}"
                )
            return found
        fit = [a for a in self.engine.adapters() if a.kind in kinds and not a.misfit]
        for each in fit:
            if condition in each.conditions:
                return each
        others = ", ".join(dict.fromkeys(c for each in fit for c in each.conditions))
        raise RecipeRefused(
            f"this model has no network for {condition}",
            hint=f"it has one for {others}"
            if others
            else "put a ControlNet or T2I-Adapter into a folder of MAQUETTE_MODELS",
        )

    def encoder_for(self, role: str, name: str | None) -> Adapter | None:
        """The IP-Adapter of a name, or the first for a role; None where attention does without.

        Raises:
            ModelMissing, RecipeRefused, ExtraMissing: there is none of the name, or none that this
                model could do without; it is another model's, or reads faces and no recogniser for
                it is here.
        """
        if name is not None and name != ATTENTION:
            found = self._fitting(self.engine.find_adapter(name, "ip-adapter"))
            if found.numbers and role != "face":
                raise RecipeRefused(
                    f"'{found.name}' reads faces alone, no {role}",
                    hint="give the picture as a face, or use an IP-Adapter that reads pictures",
                )
            self.faces.recogniser_for(found)
            return found
        fit = [a for a in self.engine.adapters() if a.kind == "ip-adapter" and not a.misfit]
        fit = [] if name == ATTENTION else fit
        lack: MaquetteError | None = None
        for each in fit if role == "face" else ():
            if role in each.roles:
                try:
                    self.faces.recogniser_for(each)
                except (ModelMissing, RecipeRefused, ExtraMissing) as error:
                    lack = lack or error
                    continue
                return each
        role = "character" if role == "face" else role
        found = next((each for each in fit if role in each.roles), None)
        if found is None and lack is not None:
            raise lack
        if found is None and not self.engine.capabilities().looks:
            raise RecipeRefused(
                "this model has no network for a reference, and cannot look at one without",
                hint="put an IP-Adapter of its family into a folder of MAQUETTE_MODELS",
            )
        return found


def map_of(desk: Desk, image: Image.Image, kind: str) -> Image.Image:
    """The control map of a picture, of its size; depth and poses by an estimator at hand.

    Raises:
        SettingRefused: no such kind.
        ModelMissing, ModelRefused, ExtraMissing: no estimator, or one that cannot be used.
        PictureRefused: no figure to be seen.
    """
    if kind in KINDS and kind not in PURE:
        from maquette.engines.preprocess import estimate

        return estimate(image, kind, desk.settings.models)
    return make_map(image, kind)


def fitted(image: Image.Image, size: Size) -> Image.Image:
    """The middle of a picture in the shape of a size, at that size, RGB."""
    share = min(image.width / size.width, image.height / size.height)
    width, height = round(size.width * share), round(size.height * share)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    cut = image.convert("RGB").crop((left, top, left + width, top + height))
    return cut.resize((size.width, size.height), Image.Resampling.LANCZOS)


def _plain(image: Image.Image) -> Image.Image:
    """Greyscale where a map has no colours, so that the same map has the same digest."""
    rgb = image.convert("RGB")
    red, green, blue = rgb.split()
    return red if red.tobytes() == green.tobytes() == blue.tobytes() else rgb


def _tags(prompt: PromptText | None, known: set[str]) -> list[tuple[str, float, float]]:
    """LoRA tags of a prompt that nothing else asks for: name, weight, text weight; each once."""
    if prompt is None or prompt.interpreter == "plain":
        return []
    found: dict[str, tuple[str, float, float]] = {}
    for text in (prompt.text, prompt.negative):
        for tag in loras(parse(text)):
            if tag.name not in known:
                found.setdefault(tag.name, (tag.name, tag.weight, tag.text_weight))
    return list(found.values())


def _as(kind: type[T], given: T | Mapping[str, Any]) -> T:
    if isinstance(given, kind):
        return given
    assert isinstance(given, Mapping)  # noqa: S101 (the type says so)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if strange := set(given) - known:
        raise SettingRefused(
            f"nothing is called '{min(strange)}' there", hint=f"there are {', '.join(known)}"
        )
    return kind(**given)


def _checked(kind: type[Any], **values: Any) -> Any:
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise SettingRefused(
            f"{where} {first.get('input', '')!r:.60} of the {kind.__name__.lower()} is refused:"
            f" {first['msg'].removeprefix('Value error, ')}"
        ) from error
