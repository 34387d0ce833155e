"""Adapters at hand: LoRAs, embeddings, ControlNets, T2I-Adapters and IP-Adapters, by name.

They lie in a model's own folder ``adapters`` and in the folders ``loras``, ``embeddings``,
``control``, ``t2i`` and ``ip-adapters`` of ``MAQUETTE_MODELS``. What something is is told from its
files, whatever its folder is called; what is pickled or damaged is not listed, and refused by name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maquette.core.adapter import Adapter, AdapterKind
from maquette.core.value import ModelRef
from maquette.engines.diffusers.conditions.controlnets import read_controlnet, told_by
from maquette.engines.diffusers.conditions.face_layout import FaceLayout, face_layout
from maquette.engines.diffusers.conditions.given import look_up, write_down
from maquette.engines.diffusers.conditions.headers import PICKLED, read_header, read_json
from maquette.engines.diffusers.conditions.ip_layouts import is_ip_adapter, layout_of
from maquette.engines.diffusers.digests import sha256_of
from maquette.engines.diffusers.models import FOLDER, ModelCard
from maquette.errors import ModelMissing, ModelRefused

__all__ = [
    "FOLDERS",
    "Catalogue",
    "digest_of_adapter",
    "encoder_of",
    "layout_of_faces",
    "reads_of",
    "recognise",
    "stamp",
    "weights_of",
]

FOLDERS = ("loras", "embeddings", "control", "t2i", "ip-adapters")
LINES = ("canny", "lineart", "scribble")
"""Conditions that are lines; a network of one channel for lines reads them all."""

_WORDS = {
    "canny": "canny",
    "lineart": "lineart",
    "line_art": "lineart",
    "softedge": "lineart",
    "hed": "lineart",
    "scribble": "scribble",
    "sketch": "scribble",
    "depth": "depth",
    "zoe": "depth",
    "pose": "pose",
    "tile": "tile",
    "blur": "tile",
    "inpaint": "inpaint",
}
_LORA = re.compile(r"lora_|\.lora\.|_lora\.|hada_w|lokr_w")
_EMBEDDING = "learned_embeds.safetensors"
_DRAWN = "pytorch_lora_weights.safetensors"
_SHARING = "ip-adapter.safetensors"
_CARDS = ("ADAPTER.json", "control.json", "draft.json", "reference.json")


class Catalogue:
    """The adapters of one model: its own and those of the folder of models."""

    def __init__(self, card: ModelCard, models: Path | None = None) -> None:
        """``models`` is the folder of more models (default: the card's, else the environment's)."""
        models, self._notes = models if models is not None else card.models, card.notes
        named = str(models) if models is not None else os.environ.get(FOLDER)
        self._roots = [card.folder / "adapters"]
        self.models = Path(named).expanduser() if named else None
        """The folder of more models, where there is one."""
        if named:
            self._roots += [Path(named).expanduser() / folder for folder in FOLDERS]

    def __iter__(self) -> Iterator[Adapter]:
        """Every adapter that can be read, the model's own first, each name of a kind once."""
        seen: set[tuple[str, str]] = set()
        for path in self._paths():
            try:
                found = recognise(path)
            except (ModelRefused, ModelMissing):
                continue
            if found is not None and (found.kind, found.name) not in seen:
                seen.add((found.kind, found.name))
                yield found

    def find(self, name: str, *kinds: AdapterKind) -> Adapter:
        """The adapter of a name, or of a path, that is of one of these kinds.

        Raises:
            ModelMissing: there is none; the hint names those of the kind.
            ModelRefused: it is pickled, damaged, or of another kind.
        """
        what = _spell(kinds)
        given = Path(name).expanduser()
        a_path, a_file = len(given.parts) > 1, given.suffix in {".safetensors", *PICKLED}
        if (a_path or a_file) and given.exists():
            return _of_kind(_recognised(given), kinds)
        if a_path:
            raise ModelMissing(f"there is no file {name}", hint="check the path")
        wanted = given.stem if a_file else name
        wrong: Adapter | None = None
        for path in self._paths():
            if (path.stem if path.is_file() else path.name).lower() != wanted.lower():
                continue
            found = _recognised(path)
            if found.kind in kinds:
                return found
            wrong = found
        if wrong is not None:
            return _of_kind(wrong, kinds)
        known = ", ".join(each.name for each in self if each.kind in kinds)
        raise ModelMissing(
            f"there is no {what} '{name}' here",
            hint=f"there are {known}" if known else f"put it into a folder of {FOLDER}",
        )

    def by_digest(self, ref: ModelRef, *kinds: AdapterKind) -> Adapter:
        """The adapter that a recipe names, whatever it is called here.

        Raises:
            ModelMissing: none of these bytes is at hand.
        """
        alike = sorted(
            (each for each in self if each.kind in kinds), key=lambda each: each.name != ref.name
        )
        for each in alike:
            if digest_of_adapter(each) == ref.digest:
                return each
        if (given := self._given(ref.digest, kinds)) is not None:
            return given
        other = " (one of that name has other bytes)" if ref.name in {a.name for a in alike} else ""
        raise ModelMissing(
            f"the {_spell(kinds)} '{ref.name}' ({ref.digest[:12]}) is not at hand{other}",
            hint=f"put its file into a folder of {FOLDER}, or give its path once more",
        )

    def _given(self, digest: str, kinds: tuple[AdapterKind, ...]) -> Adapter | None:
        """The adapter of these bytes that somebody gave by its path, here or in another process."""
        found = _GIVEN.get(digest) or (look_up(self._notes, digest) if self._notes else None)
        if found is None or not found.exists():
            return None
        adapter = _recognised(found)
        fits = adapter.kind in kinds and digest_of_adapter(adapter) == digest
        return adapter if fits else None

    def ref(self, adapter: Adapter) -> ModelRef:
        """Name and digest of an adapter, as a recipe names it.

        One that was given by its path is remembered, for other processes too.
        """
        digest, path = digest_of_adapter(adapter), Path(adapter.path)
        if path.parent not in [root.resolve() for root in self._roots]:
            _GIVEN[digest] = path
            if self._notes is not None:
                write_down(self._notes, digest, path)
        return ModelRef(name=adapter.name, digest=digest)

    def _paths(self) -> Iterator[Path]:
        for root in self._roots:
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    # Published collections lay several IP-Adapters beside one image encoder.
                    several = _ip_files(path)
                    yield from several if len(several) > 1 else [path]
                elif path.suffix in {".safetensors", *PICKLED}:
                    yield path


_GIVEN: dict[str, Path] = {}


def stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of an adapter's files: equal for as long as nothing changes."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    beside = encoder_of(path)
    files += sorted(beside.iterdir()) if beside.is_dir() else []
    told = [(file.name, file.stat()) for file in files if file.exists()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in told)


_KNOWN: dict[Path, tuple[object, Adapter | ModelRefused | ModelMissing | None]] = {}


def recognise(path: Path) -> Adapter | None:
    """What a file or folder is; None for a folder that is no adapter. Looked at once, and again
    when it changes.

    Raises:
        ModelRefused: pickled, damaged, or a file of no known kind.
        ModelMissing: a part that its kind needs is not there.
    """
    now = stamp(path)
    before, found = _KNOWN.get(path, (None, None))
    if before != now:
        try:
            found = _look(path)
        except (ModelRefused, ModelMissing) as error:
            found = error
        _KNOWN[path] = now, found
    if isinstance(found, ModelRefused | ModelMissing):
        raise type(found)(str(found), hint=found.hint)
    return found


def _look(path: Path) -> Adapter | None:
    if not path.is_dir():
        return _of_file(path)
    config = path / "config.json"
    if config.is_file() and (net := read_controlnet(path)) is not None:
        figures = "pose" in (_card(path).get("channels") or ())
        conditions = _conditions(path, net.reads(path.name))
        return _folder(path, "control", conditions=conditions, figures=figures)
    if config.is_file() and read_json(config).get("_class_name") == "T2IAdapter":
        weights_of(path)
        return _folder(path, "t2i-adapter", conditions=_conditions(path))
    if _ip_files(path):
        return _folder(path, "ip-adapter", **_looks(path))
    plain: tuple[tuple[str, AdapterKind], ...] = ((_DRAWN, "lora"), (_EMBEDDING, "embedding"))
    for name, kind in plain:
        if (path / name).is_file():
            read_header(path / name)
            return _folder(path, kind)
    pickled = [f for f in path.iterdir() if f.suffix in PICKLED]
    if pickled:
        read_header(pickled[0])  # says why not
    return None


def weights_of(path: Path) -> Path:
    """The file of weights of an adapter, its header read.

    Raises:
        ModelMissing, ModelRefused: there is none, or it is pickled or damaged.
    """
    if path.is_file():
        read_header(path)
        return path
    files = sorted(path.glob("*.safetensors"))
    if not files:
        pickled = [f for f in sorted(path.iterdir()) if f.suffix in PICKLED]
        if pickled:
            read_header(pickled[0])
        raise ModelMissing(f"{path.name} holds no safetensors file")
    plain = _ip_files(path) or [f for f in files if ".fp16" not in f.name] or files
    read_header(plain[0])
    return plain[0]


def encoder_of(path: Path) -> Path:
    """Where the image encoder of an IP-Adapter lies: in its folder, or beside its file."""
    return (path if path.is_dir() else path.parent) / "image_encoder"


def _ip_files(folder: Path) -> list[Path]:
    """The IP-Adapters of a folder, told by their names or, beside an encoder, by their tensors;
    those of half precision only where there are no others."""
    files = sorted(folder.glob("*.safetensors"))
    encoder = encoder_of(folder).is_dir()
    found = [
        file
        for file in files
        if re.search(r"ip[-_]?adapter", file.name, re.IGNORECASE) or (encoder and _holds_ip(file))
    ]
    return [file for file in found if ".fp16" not in file.name] or found


def _holds_ip(file: Path) -> bool:
    try:
        return is_ip_adapter(read_header(file)[0])
    except ModelRefused:
        return True  # refused with its reason when it is looked at


def _looks(path: Path) -> dict[str, Any]:
    """What an IP-Adapter is for; its image encoder is there and whole, where it needs one.

    Raises:
        ModelMissing, ModelRefused: it is not, or is pickled or damaged.
    """
    weights, encoder = weights_of(path), encoder_of(path)
    faces = layout_of_faces(path)
    if faces is None or faces.encoder:
        if not (encoder / "config.json").is_file():
            kind = "SigLIP" if layout_of(read_header(weights)[0]) == "sd3" else "CLIP"
            hint = (
                f"lay the {kind} model that it was published with into a folder image_encoder"
                " beside it: config.json and safetensors"
            )
            name = path.stem if path.is_file() else path.name
            raise ModelMissing(f"the IP-Adapter '{name}' lacks its image_encoder", hint=hint)
        weights_of(encoder)
        for file in encoder.glob("*.safetensors"):
            read_header(file)
    if faces is not None:
        return {"roles": ("face",), "numbers": faces.width}
    return {"roles": tuple(_card(path).get("roles") or ("style", "character", "object"))}


def layout_of_faces(path: Path) -> FaceLayout | None:
    """The layout of an adapter at hand, a file or folder; None where it reads pictures.

    Raises:
        ModelRefused, ModelMissing: a damaged file, or none.
    """
    file = weights_of(path)
    about = encoder_of(path) / "config.json"
    told = read_json(about) if about.is_file() else {}
    sees = told.get("vision_config", told)
    width = sees.get("hidden_size") if isinstance(sees, dict) else None
    return face_layout(read_header(file)[0], file.name, sees=width)


def digest_of_adapter(adapter: Adapter) -> str:
    """SHA-256 of an adapter's file; of a folder, or of a file and its image encoder, over ``path
    NUL sha256 NEWLINE`` of its weights and configurations, sorted by path. Cards and pictures
    beside them do not count, nor does the name of a file that shares its encoder."""
    path = Path(adapter.path)
    folders = [path, path / "scheduler", encoder_of(path)]
    files: list[Path] = []
    if path.is_file():
        faces = layout_of_faces(path) if adapter.kind == "ip-adapter" else None
        if adapter.kind != "ip-adapter" or (faces is not None and not faces.encoder):
            return sha256_of(path)
        files, folders, path = [path], [encoder_of(path)], path.parent
    files += [
        file
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.suffix == ".safetensors"
        or file.name in {"config.json", "scheduler_config.json", "preprocessor_config.json"}
    ]
    own = Path(adapter.path)
    lines = sorted(
        f"{_SHARING if file == own else file.relative_to(path).as_posix()}\0{sha256_of(file)}\n"
        for file in files
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _of_file(path: Path) -> Adapter:
    shapes, metadata = read_header(path)
    told: dict[str, Any] = {
        "name": path.stem,
        "path": str(path.resolve()),
        "licence": metadata.get("modelspec.license", metadata.get("license", "")),
        "trigger": metadata.get("modelspec.trigger_phrase", ""),
    }
    if told_by(shapes) and (net := read_controlnet(path)) is not None:
        card = _card(path)
        told["licence"] = str(card.get("licence") or card.get("license") or told["licence"])
        conditions = _conditions(path, net.reads(path.stem))
        return Adapter(kind="control", conditions=conditions, **told)
    # Before LoRAs: FaceID's file may hold one too.
    if is_ip_adapter(shapes):
        return Adapter(kind="ip-adapter", **_looks(path), **told)
    if "redux_up.weight" in shapes:
        raise ModelRefused(
            f"{path.name} is FLUX.1 Redux, which turns a picture into words and is not driven",
            hint="on FLUX.1 an IP-Adapter in XLabs' layout reads references",
        )
    if any(_LORA.search(name) for name in shapes):
        return Adapter(kind="lora", **told)
    if shapes and len(shapes) <= 3 and all(1 <= len(shape) <= 2 for shape in shapes.values()):
        return Adapter(kind="embedding", **told)
    raise ModelRefused(
        f"{path.name} is no LoRA, no embedding and no ControlNet",
        hint="T2I-Adapters and IP-Adapters are folders, as diffusers saves them",
    )


def _recognised(path: Path) -> Adapter:
    found = recognise(path)
    if found is None:
        raise ModelRefused(
            f"{path.name} is no adapter of a known kind",
            hint="a safetensors file, or a folder as diffusers saves it",
        )
    return found


def _of_kind(found: Adapter, kinds: tuple[AdapterKind, ...]) -> Adapter:
    if found.kind not in kinds:
        raise ModelRefused(
            f"'{found.name}' is no {_spell(kinds)}: its kind is {_spell((found.kind,))}"
        )
    return found


def _folder(path: Path, kind: AdapterKind, **told: Any) -> Adapter:
    card = _card(path)
    return Adapter(
        kind=kind,
        name=path.name,
        path=str(path.resolve()),
        licence=str(card.get("licence") or card.get("license") or ""),
        trigger=str(card.get("trigger") or ""),
        **told,
    )


def _card(path: Path) -> dict[str, Any]:
    """What is stated beside an adapter: in its folder, or for a file in one of its own name."""
    if path.is_file():
        beside = path.with_suffix(".json")
        return read_json(beside) if beside.is_file() else {}
    for name in _CARDS:
        if (path / name).is_file():
            return read_json(path / name)
    return {}


def _conditions(path: Path, known: tuple[str, ...] | None = None) -> tuple[str, ...]:
    card = _card(path)
    if channels := card.get("channels"):
        names = [LINES if name == "line" else (str(name),) for name in channels]
        return tuple(each for group in names for each in group)
    if told := card.get("conditions"):
        return tuple(map(str, told))
    return known if known is not None else reads_of(path.name)


def reads_of(name: str) -> tuple[str, ...]:
    """What a control network reads, by its file's name."""
    low = name.lower()
    return tuple(dict.fromkeys(kind for word, kind in _WORDS.items() if word in low))


def _spell(kinds: tuple[AdapterKind, ...]) -> str:
    names = {
        "lora": "LoRA",
        "embedding": "embedding",
        "control": "ControlNet",
        "t2i-adapter": "T2I-Adapter",
        "ip-adapter": "IP-Adapter",
    }
    return " or ".join(names[kind] for kind in kinds)
