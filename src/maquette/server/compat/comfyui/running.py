"""Carrying a graph out: node after node, what draws as orders of the studio.

The words, models and masks of a graph are put together here; whatever is drawn is drawn by the
workers, and whatever is saved is a version of the project. What a graph alters by plain nodes is
taken in as an altered copy of the version that it began with.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image
from starlette.concurrency import run_in_threadpool

from maquette.core.picture import decode_picture, encode_png
from maquette.core.version import Version
from maquette.errors import Cancelled, MaquetteError, RecipeRefused
from maquette.server.compat.asking import News, ask, made
from maquette.server.compat.comfyui import drawing, files, pixels
from maquette.server.compat.comfyui.board import Board, Prompt
from maquette.server.compat.comfyui.checking import Checked, Node
from maquette.server.compat.comfyui.names import Names
from maquette.server.compat.comfyui.values import Latent, Schedule, Shot, Shots
from maquette.server.compat.comfyui.wiring import HOSTED, PLAIN, is_quick
from maquette.server.compat.home import studio_with
from maquette.server.compat.pictures import altered, taken

if TYPE_CHECKING:
    from maquette.server.context import Context, Room
    from maquette.stages.order import Order
    from maquette.studio import Studio

__all__ = ["Run"]

log = logging.getLogger("maquette.server")


class Run:
    """One prompt, carried out."""

    def __init__(
        self, context: Context, room: Room, board: Board, prompt: Prompt, checked: Checked
    ) -> None:
        self.context, self.room, self.board = context, room, board
        self.prompt, self.checked = prompt, checked
        self.names = Names(context, room, board)
        self.values: dict[str, tuple[Any, ...]] = {}
        self.visited: list[str] = []
        self._uses = Counter(before for node in checked.order for before, _ in node.wires)
        self.node = ""
        self._held: list[str] = []
        self._ways: dict[str, Callable[[Node, dict[str, Any]], Any]] = {
            "KSampler": self._sample,
            "KSamplerAdvanced": self._sample,
            "SamplerCustomAdvanced": self._sample,
            "ImageScale": self._enlarge,
            "ImageScaleBy": self._enlarge,
            "ImageUpscaleWithModel": self._upscale,
            "SaveImage": self._save,
            "PreviewImage": self._save,
            "SaveImageWebsocket": self._send,
        }

    async def carry_out(self) -> None:
        """Every node that a sound output needs; how it ended stands in the prompt."""
        prompt, board = self.prompt, self.board
        try:
            async with board.turns:
                for node in self.checked.order:
                    await self._visit(node)
            self._begin()
            prompt.ok = True
            board.tell(prompt, "execution_success", {}, note=True)
        except (asyncio.CancelledError, Cancelled):
            self._begin()
            board.tell(prompt, "execution_interrupted", self._where(), note=True)
        except MaquetteError as error:
            self._failed(error, f"{error}. {error.hint}".rstrip(". ") if error.hint else str(error))
        except Exception as error:
            log.exception("a node of a graph", exc_info=error)
            self._failed(error, "an unforeseen fault; the server's log has the details")
        finally:
            prompt.state = "done"
            board.tell(prompt, "executing", {"node": None})
            board.tell_status()

    async def _visit(self, node: Node) -> None:
        self._arrive(node.id)
        inputs = {key: self._value(value) for key, value in node.inputs.items()}
        way = self._ways.get(node.kind)
        if way is not None:
            self.values[node.id] = await way(node, inputs)
        elif is_quick(node.kind, inputs):
            self.values[node.id] = self._worked(node, inputs)
        else:  # never where everybody is answered
            self.values[node.id] = await run_in_threadpool(self._worked, node, inputs)
        self.visited.append(node.id)
        for before, _ in node.wires:
            self._uses[before] -= 1
            if not self._uses[before]:
                self.values.pop(before, None)
        _refuse_much(self.values.values())

    # What is told.

    def _arrive(self, node: str) -> None:
        self.node = node
        if self.prompt.state == "running":
            self.board.tell(self.prompt, "executing", {"node": node, "display_node": node})
        else:
            self._held.append(node)

    def _begin(self) -> None:
        """The prompt's turn has come: what was prepared while it waited is told now."""
        if self.prompt.state != "pending":
            return
        self.prompt.state = "running"
        self.board.tell(self.prompt, "execution_start", {}, note=True)
        self.board.tell(self.prompt, "execution_cached", {"nodes": []}, note=True)
        for node in self._held:
            self.board.tell(self.prompt, "executing", {"node": node, "display_node": node})
        self.board.tell_status()

    def _where(self) -> dict[str, Any]:
        kind = next((node.kind for node in self.checked.order if node.id == self.node), "")
        return {"node_id": self.node, "node_type": kind, "executed": list(self.visited)}

    def _failed(self, error: BaseException, about: str) -> None:
        self._begin()
        told = {
            **self._where(),
            "exception_message": about,
            "exception_type": type(error).__name__,
            "traceback": [],
            "current_inputs": {},
            "current_outputs": list(self.prompt.made),
        }
        self.board.tell(self.prompt, "execution_error", told, note=True)

    def _hear(self, news: News) -> None:
        if news.kind == "job" and news.data.get("status") == "running":
            self._begin()
        elif news.kind == "progress":
            self._begin()
            step, steps = int(news.data.get("step", 0)), int(news.data.get("steps", 1))
            self.board.tell(
                self.prompt, "progress", {"value": step, "max": steps, "node": self.node}
            )
            state = {
                "value": step, "max": steps, "state": "running", "node_id": self.node,
                "prompt_id": self.prompt.id, "display_node_id": self.node,
                "parent_node_id": None, "real_node_id": self.node,
            }  # fmt: skip
            self.board.tell(self.prompt, "progress_state", {"nodes": {self.node: state}})
        elif news.kind == "preview" and self.prompt.client in self.board.listeners:
            plain, described = files.preview(
                str(news.data["image"]), node=self.node, prompt=self.prompt.id
            )
            self.board.show(self.prompt, plain, described)

    def say(self, notes: tuple[str, ...]) -> None:
        """See ``wiring.Host``."""
        self.prompt.notes += [note for note in notes if note not in self.prompt.notes]

    # Values.

    def _value(self, value: Any) -> Any:
        return self.values[value[0]][value[1]] if isinstance(value, tuple) else value

    def version_of(self, shot: Shot) -> Version:
        """The version of a picture; one that was altered becomes a child of what it was: a version
        of ours, also where it came back as an upload, or the upload itself."""
        if shot.version is not None:
            return shot.version
        if not shot.how:
            return taken(self.room, shot.data or encode_png(shot.image))
        of = shot.of or (taken(self.room, shot.data) if shot.data else None)
        origin = {"face": "comfyui", "prompt_id": self.prompt.id, "altered": list(shot.how)}
        return altered(self.room, encode_png(shot.image), of, origin)

    async def _made(self, order: Callable[[], Order]) -> list[Version]:
        jobs = await ask(self.context, self.room, order, hear=self._hear)
        return await run_in_threadpool(made, self.room, jobs)

    def _shots(self, versions: list[Version]) -> Shots:
        blobs = self.room.studio.blobs

        def read(version: Version) -> Image.Image:
            return decode_picture(blobs.get(version.image)).convert("RGB")

        return tuple(Shot(partial(read, version), version) for version in versions)

    # The nodes that take orders.

    async def _sample(self, node: Node, inputs: dict[str, Any]) -> tuple[Any, ...]:
        if node.kind == "SamplerCustomAdvanced":
            schedule: Schedule = replace(inputs["sigmas"], sampler=inputs["sampler"])
            wanted = drawing.Drawing(
                inputs["guider"], inputs["latent_image"], schedule, inputs["noise"]
            )
        else:
            wanted = (drawing.plain if node.kind == "KSampler" else drawing.advanced)(inputs)
        studio = studio_with(self.context, self.room, wanted.guider.model.name)
        if not wanted.latent.shots:  # one order: put together where it is queued
            versions = await self._made(lambda: self._orders(studio, wanted)[0])
        else:
            orders = await run_in_threadpool(self._orders, studio, wanted)
            if not orders:
                return (wanted.latent, wanted.latent)
            versions = [
                each for order in orders for each in await self._made(lambda order=order: order)
            ]
        shots = self._shots(versions)
        drawn = Latent(shots[0].size, 1, shots)
        return (drawn, drawn)

    def _orders(self, studio: Studio, wanted: drawing.Drawing) -> list[Order]:
        orders, notes = drawing.orders_of(studio, wanted, self.version_of)
        self.say(notes)
        return [self._with_origin(each, notes) for each in orders]

    def _with_origin(self, order: Order, notes: tuple[str, ...]) -> Order:
        told = {"face": "comfyui", "prompt_id": self.prompt.id}
        if notes:
            told |= {"notes": list(notes)}
        before = order.origins or ({},) * len(order.recipes)
        return replace(order, origins=tuple({**each, **told} for each in before))

    async def _enlarge(self, node: Node, inputs: dict[str, Any]) -> tuple[Any, ...]:
        """By Lanczos, and a version's own picture: an upscale like any other."""
        scaled: Shots = await run_in_threadpool(pixels.IMAGES[node.kind], inputs)
        found: list[Shot] = []
        for before, after in zip(inputs["image"], scaled, strict=True):
            found.append(await self._as_upscale(before, after, inputs) or after)
        return (tuple(found),)

    async def _as_upscale(self, before: Shot, after: Shot, inputs: dict[str, Any]) -> Shot | None:
        size, ours = after.size, before.version or (before.data and not before.how)
        if not ours or inputs["upscale_method"] != "lanczos" or before is after:
            return None
        scale = size[0] / before.size[0]
        same = (round(before.size[0] * scale), round(before.size[1] * scale)) == size
        if not same or not 1 < scale <= 8:
            return None
        version = await run_in_threadpool(self.version_of, before)
        [made_] = await self._made(lambda: self.room.studio.orders.upscale(version, scale))
        return self._shots([made_])[0]

    async def _upscale(self, node: Node, inputs: dict[str, Any]) -> tuple[Any, ...]:  # noqa: ARG002
        name, scale = inputs["upscale_model"]
        found: list[Version] = []
        for shot in inputs["image"]:
            version = await run_in_threadpool(self.version_of, shot)
            found += await self._made(
                lambda version=version: self.room.studio.orders.upscale(
                    version, scale, method="learned", model=name
                )
            )
        return (self._shots(found),)

    # The nodes that save.

    async def _save(self, node: Node, inputs: dict[str, Any]) -> tuple[Any, ...]:
        versions = [
            each.version or await run_in_threadpool(self.version_of, each)
            for each in inputs["images"]
        ]
        kind = "temp" if node.kind == "PreviewImage" else "output"
        prefix = inputs.get("filename_prefix", "ComfyUI")
        output = {
            "images": [files.named(version, prefix, kind) for version in versions],
        }
        self.board.saved(self.prompt, node.id, output, [version.id for version in versions])
        self._begin()
        self.board.tell(
            self.prompt,
            "executed",
            {"node": node.id, "display_node": node.id, "output": output},
        )
        return ()

    async def _send(self, node: Node, inputs: dict[str, Any]) -> tuple[Any, ...]:  # noqa: ARG002
        for shot in inputs["images"]:
            version = await run_in_threadpool(self.version_of, shot)
            data = await run_in_threadpool(files.released_png, self.room, version, self.prompt)
            self._begin()
            if (listener := self.board.listeners.get(self.prompt.client)) is not None:
                listener.put(files.framed(data, png=True))
        return ()

    # The nodes that only put together, work on pixels or look something up.

    def _worked(self, node: Node, inputs: dict[str, Any]) -> tuple[Any, ...]:
        if node.kind in pixels.IMAGES:
            return (pixels.IMAGES[node.kind](inputs),)
        if node.kind in pixels.MASKS:
            return (pixels.MASKS[node.kind](inputs),)
        if node.kind in HOSTED:
            return HOSTED[node.kind](self, inputs)
        return PLAIN[node.kind](inputs)

    def load(self, name: str) -> tuple[Shot, Image.Image]:
        """See ``wiring.Host``."""
        version = files.version_named(self.room, self.board, name)
        if version is not None:
            image = decode_picture(self.room.studio.blobs.get(version.image))
            return Shot(image.convert("RGB"), version), image
        digest = self.board.files.get(files.plain_name(name))
        if digest is None:
            raise RecipeRefused(f"there is no picture '{name[:100]}'", hint="upload it first")
        data = self.room.studio.blobs.get(digest)
        image = decode_picture(data)
        plain = image.convert("RGB")
        # What is transparent is a mask here; the picture below it is what came.
        return Shot(plain, data=data if image.mode == "RGB" else encode_png(plain)), image


MOST_SHOTS = 256
"""Pictures of a batch."""

MOST_HELD = 500_000_000
"""Pixels that a prompt may hold at once."""


def _refuse_much(values: Iterable[tuple[Any, ...]]) -> None:
    """Refuse a graph that piles pictures up.

    Raises:
        RecipeRefused.
    """
    held: dict[int, int] = {}
    for value in (each for values_ in values for each in values_):
        shots = value.shots if isinstance(value, Latent) else value
        if isinstance(shots, Image.Image):
            held[id(shots)] = shots.width * shots.height
        elif isinstance(shots, tuple) and all(isinstance(each, Shot) for each in shots):
            if len(shots) > MOST_SHOTS:
                raise RecipeRefused(f"a batch has {MOST_SHOTS} pictures at most")
            held |= {id(each.picture): each.size[0] * each.size[1] for each in shots}
    if sum(held.values()) > MOST_HELD:
        raise RecipeRefused(
            f"the graph holds more than {MOST_HELD // 10**6} million pixels at once",
            hint="use smaller pictures, or fewer at a time",
        )
