"""A ComfyUI server (its HTTP API and web socket, as of ComfyUI 0.3).

We choose the prompt's id ourselves, so that it can be looked up after a crash: what is in neither
history nor queue never arrived or went with a restart, and may be sent again. A server of one's
own sends no bill.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from maquette.core.adapter import Adapter, AdapterKind
from maquette.core.capabilities import Capabilities, Preset
from maquette.core.conditioning import Control
from maquette.core.geometry import Size
from maquette.core.picture import encode_png
from maquette.core.recipe import Lora, ModelRef, Recipe
from maquette.engines.base import Cancel, Substitution
from maquette.engines.comfyui.adapters import LOADERS, Shelf, choices, model_of
from maquette.engines.comfyui.following import follow, listening, stage
from maquette.engines.comfyui.graphs import SAMPLERS, Graph, Workflow, built_in, read_workflow
from maquette.engines.services.checks import check_service
from maquette.engines.services.edits import to_size
from maquette.engines.services.service import (
    GREETING,
    Accepted,
    Call,
    NotThere,
    Service,
    Step,
    service_model,
)
from maquette.engines.services.words import comfy_words
from maquette.errors import (
    ExportRefused,
    MaquetteError,
    ModelMissing,
    RecipeRefused,
    ServiceRefused,
)
from maquette.net import Answer, Caller

__all__ = ["ComfyUI", "create"]

URL = "http://127.0.0.1:8188"


def create(model: str = "", url: str = "", workflow: Path | None = None) -> ComfyUI:
    """The engine. ``model`` is a checkpoint of the server's (default: its first), or a workflow's
    file (``….json``); so is ``workflow``."""
    file = Path(model) if model.endswith(".json") else workflow if not model else None
    return ComfyUI(model, (url or URL).rstrip("/"), read_workflow(file) if file else None)


class ComfyUI(Service):
    """See the module."""

    name = "comfyui"
    title = "ComfyUI"

    def __init__(self, model: str, url: str, workflow: Workflow | None) -> None:
        self.url, self._asked, self.workflow = url, model, workflow

    @property
    def build(self) -> str:
        """Engine, address and what it draws with; a server's own version is in its hands."""
        what = self._model
        return f"comfyui 1; {urlsplit(self.url).netloc}; {what.name} {what.digest[:12]}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``; asks the server once which checkpoints it has."""
        return self.declared(self._model)

    def declared(self, model: ModelRef | None = None) -> Capabilities:
        """The same for a model, without asking."""
        holes = None if self.workflow is None else self.workflow.holes
        tasks = {"text-to-image"}
        if holes is None:
            tasks |= {"image-to-image", "inpaint", "outpaint"}
        elif "mask" in holes and "image" in holes:
            tasks = {"inpaint", "outpaint"}
        elif "image" in holes:
            tasks = {"image-to-image"}
        return Capabilities(
            engine=self.name,
            tasks=frozenset(tasks),
            model=model,
            best_size=Size(width=512, height=512),
            multiple=8,
            min_side=64,
            max_side=4096,
            max_steps=1000,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=tuple(SAMPLERS),
            presets={
                "draft": Preset(sampler="dpm++", steps=8, guidance=5),
                "preview": Preset(sampler="dpm++", steps=20, guidance=6),
                "final": Preset(sampler="dpm++", steps=25, guidance=7),
            },
            seeds=holes is None or "seed" in holes,
            negatives=holes is None or "negative" in holes,
        )

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        prompt, sampling = check_service(recipe, self.capabilities())
        answered = {each.name for each in recipe.conditionings if isinstance(each, Lora)}
        if recipe.conditionings and self.workflow is None:
            self._shelf.check(recipe)
        elif recipe.conditionings:
            self.no_lora(recipe)
        said = list(comfy_words(prompt, answered=answered).said)
        if self.workflow is None:
            return tuple(said)
        asked = {
            "seed": f"seed {sampling.seed}",
            "steps": f"{sampling.steps} steps",
            "guidance": f"guidance {sampling.guidance:g}",
            "sampler": f"sampler {sampling.sampler}",
            "width": f"size {recipe.size}",
            **({"negative": prompt.negative} if prompt.negative else {}),
        }
        for hole, words in asked.items():
            if hole not in self.workflow.holes:
                reason = f"it has no {{{{{hole}}}}}"
                said.append(Substitution(asked=words, given="the workflow's own", reason=reason))
        return tuple(said)

    def adapters(self) -> tuple[Adapter, ...]:
        """See ``Adapting.adapters``: the server's own LoRAs and ControlNets."""
        return self._shelf.adapters() if self.workflow is None else ()

    def find_adapter(self, name: str, *kinds: AdapterKind) -> Adapter:
        """See ``Adapting.find_adapter``."""
        return self._shelf.find(name, *kinds)

    def name_adapter(self, adapter: Adapter) -> ModelRef:
        """See ``Adapting.name_adapter``."""
        return model_of(adapter)

    def written(self, adapter: Adapter, layout: str) -> bytes:  # noqa: ARG002
        """See ``Adapting.written``: its files are out of reach."""
        raise ExportRefused(
            f"'{adapter.name}' is a file of the ComfyUI server", hint="fetch it from there"
        )

    def caller(self, cancel: Cancel | None) -> Caller:
        """See ``Service.caller``."""
        return Caller(
            self.url,
            service=self.title,
            stop=(lambda: bool(cancel)) if cancel is not None else None,
            explain=explain,
            seconds=60.0,
        )

    def handle(self, recipe: Recipe) -> Mapping[str, str]:  # noqa: ARG002
        """See ``Service.handle``."""
        return {"prompt_id": str(uuid.uuid4())}

    def ask(self, call: Call) -> Iterator[Step]:
        """See ``Service.ask``."""
        graph = self._graph(call)
        chosen = call.intent.handle if call.intent is not None else self.handle(call.recipe)
        client = uuid.uuid4().hex
        call.caller.wire.sent = False  # pictures that were uploaded draw nothing
        with ExitStack() as stack:
            receive = listening(stack, call, client)
            body = {"prompt": graph, "client_id": client, "prompt_id": chosen["prompt_id"]}
            told = call.caller.post("/prompt", json=body).json()
            prompt = str(told.get("prompt_id") or chosen["prompt_id"])
            yield Accepted({"prompt_id": prompt})
            try:
                yield from follow(call, prompt, receive)
            except NotThere:
                raise self.failed("the server has lost the prompt; order it again") from None

    def find(self, call: Call, handle: Mapping[str, str]) -> Iterator[Step]:
        """See ``Service.find``."""
        prompt = handle["prompt_id"]
        if stage(call, prompt) == "gone":
            raise NotThere
        yield Accepted()
        yield from follow(call, prompt, None)

    def greet(self, caller: Caller) -> str:
        """See ``Service.greet``: its version."""
        told = caller.get("/system_stats", seconds=GREETING).json()
        system = told.get("system") if isinstance(told, dict) else None
        version = system.get("comfyui_version") if isinstance(system, dict) else None
        return f"ComfyUI {version}" if version else ""

    def give_up(self, call: Call, handle: Mapping[str, str]) -> None:
        """Out of the queue, or interrupted when it runs (only this prompt, on servers that can)."""
        prompt = handle.get("prompt_id", "")
        call.caller.post("/queue", json={"delete": [prompt]}, safe=True, seconds=5.0)
        running = call.caller.get("/queue", seconds=5.0).json().get("queue_running") or ()
        if any(isinstance(row, list) and len(row) > 1 and row[1] == prompt for row in running):
            call.caller.post("/interrupt", json={"prompt_id": prompt}, safe=True, seconds=5.0)

    @cached_property
    def _shelf(self) -> Shelf:
        found: dict[AdapterKind, list[str]] = {}
        with self.caller(None) as caller:
            for kind, (node, given, _) in LOADERS.items():
                with suppress(ServiceRefused):  # a server without the node has none
                    told = caller.get(f"/object_info/{node}", seconds=10.0).json()
                    found[kind] = choices(told, node, given)
        return Shelf(found)

    @cached_property
    def _model(self) -> ModelRef:
        if self.workflow is not None:
            return ModelRef(name=self.workflow.path, digest=self.workflow.digest)
        with self.caller(None) as caller:
            node = "CheckpointLoaderSimple"
            told = caller.get(f"/object_info/{node}", seconds=10.0).json()
            names = choices(told, node, "ckpt_name")
        if not names:
            raise ModelMissing("this ComfyUI has no checkpoint", hint="or name a workflow's file")
        if self._asked and self._asked not in names:
            matching = [name for name in names if Path(name).stem == self._asked]
            if not matching:
                raise ModelMissing(
                    f"this ComfyUI has no checkpoint '{self._asked}'",
                    hint=f"it has {', '.join(names[:8])}",
                )
            return service_model(self.name, matching[0])
        return service_model(self.name, self._asked or names[0])

    def _graph(self, call: Call) -> Graph:
        recipe = call.recipe
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 - checked
        loras = self._shelf.loras(recipe) if recipe.conditionings else []
        answered = {each.name for each in recipe.conditionings if isinstance(each, Lora)}
        words, sampling = comfy_words(recipe.prompt, answered=answered), recipe.sampling
        sampler, scheduler = SAMPLERS[sampling.sampler]
        size = recipe.size if call.edit is None else call.edit.size
        values: dict[str, Any] = {
            "prompt": words.text,
            "negative": words.negative,
            "seed": sampling.seed,
            "steps": sampling.steps,
            "guidance": sampling.guidance,
            "sampler": sampler,
            "scheduler": scheduler,
            "width": size.width,
            "height": size.height,
            "strength": 1.0 if call.edit is None else call.edit.strength,
            "loras": loras,
        }
        if recipe.conditionings:
            values["controls"] = [
                (file, self._upload(call, _map(call, each)), each)
                for file, each in self._shelf.controls(recipe)
            ]
        if call.edit is not None:
            values["image"] = self._upload(call, call.edit.picture)
            if call.edit.mask is not None:
                values["mask"] = self._upload(call, call.edit.mask.convert("RGB"))
        if self.workflow is not None:
            return self.workflow.filled(values)
        return built_in(self._model.name, values)

    def _upload(self, call: Call, image: Image.Image) -> str:
        """Put a picture on the server under the name of its digest, so that it is there once."""
        data = encode_png(image)
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.png"
        told = call.caller.post(
            "/upload/image",
            data={"subfolder": "maquette", "type": "input", "overwrite": "true"},
            files={"image": (name, data, "image/png")},
            safe=True,
        ).json()
        folder, stored = str(told.get("subfolder", "")), str(told.get("name", name))
        return f"{folder}/{stored}" if folder else stored


def _map(call: Call, control: Control) -> Image.Image:
    """A control's map for the canvas that is drawn: of a part of the picture that part alone, at
    its size there.

    Raises:
        RecipeRefused: it is not of the picture's size.
    """
    shown, edit, whole = call.inputs[control.image].convert("RGB"), call.edit, call.recipe.size
    if edit is None or edit.region is None:
        return shown
    if shown.size != (whole.width, whole.height):
        raise RecipeRefused(
            f"the map for {control.condition} has {shown.width}x{shown.height} pixels, the"
            f" picture {whole}",
            hint="make the map at the picture's size",
        )
    return to_size(shown.crop(edit.region.corners), edit.size)


def explain(answer: Answer) -> MaquetteError | None:
    """A graph that does not hold: which node, and why."""
    if answer.status != 400:
        return None
    try:
        told = answer.json()
    except MaquetteError:
        return None
    errors = told.get("node_errors") if isinstance(told, dict) else None
    for node in errors.values() if isinstance(errors, dict) else ():
        for error in node.get("errors") or ():
            about = f"{node.get('class_type')}: {error.get('message')} {error.get('details', '')}"
            return ServiceRefused(f"ComfyUI refuses the graph: {about.strip()}")
    return None
