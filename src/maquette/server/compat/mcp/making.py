"""Tools that make new versions. Nothing is ever overwritten: each adds to the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.mcpserver import Context as Asked
from mcp_types import CallToolResult, TextContent
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from maquette.errors import SettingRefused
from maquette.server.compat.mcp.desk import PATIENCE, Ended, Talk
from maquette.server.compat.mcp.masking import mask_bytes, mask_from
from maquette.server.compat.mcp.shapes import Made
from maquette.server.compat.mcp.telling import (
    answered,
    ended_in_words,
    pictures_of,
    shown,
    told_all,
)
from maquette.server.compat.mcp.tool import (
    Box,
    Controls,
    Corners,
    Count,
    Loras,
    ModelName,
    Negative,
    Patience,
    ProjectName,
    Prompt,
    Quality,
    References,
    Seed,
    Side,
    Strength,
    Version,
    Word,
    tool,
)
from maquette.server.shapes_steering import ControlIn, ReferenceIn, Steered, steering_of

if TYPE_CHECKING:
    from maquette.server.context import Room
    from maquette.stages.order import Order

__all__ = ["Making", "made_of"]

Digest = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="A mask that 'mask' answered.")
]
Pixels = Annotated[int, Field(ge=0, le=4096, description="Pixels to add at this side.")]


class Making:
    """See the module."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    @tool("Draw pictures from words")
    async def generate(
        self,
        ctx: Asked,
        *,
        prompt: Prompt,
        negative: Negative = "",
        seed: Seed = None,
        n: Count = 1,
        width: Side | None = None,
        height: Side | None = None,
        quality: Quality = "final",
        control: Controls = [],  # noqa: B006 - never changed, and a schema needs it
        reference: References = [],  # noqa: B006
        lora: Loras = {},  # noqa: B006
        model: ModelName = None,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Draw pictures from words. Begin with several drafts (n=4 to 8, quality=draft), choose,
        then 'refine' the chosen one. Words that the model never saw are named in the findings;
        'models' lists those that it knows."""
        if (width is None) != (height is None):
            raise SettingRefused("give both width and height, or neither")
        size = (width, height) if width is not None and height is not None else None
        room = await self._talk.room(ctx, project)
        studio = await run_in_threadpool(self._talk.studio, room, model)
        given = {"negative": negative, "seed": seed, "n": n, "size": size, "quality": quality}

        def order() -> Order:
            steering = _steering(room, control, reference, lora)
            return studio.orders.generate(prompt, **given, **steering)

        return await self._make(ctx, room, order, wait_seconds)

    @tool("Draw pictures near a version")
    async def vary(
        self,
        ctx: Asked,
        *,
        version: Version,
        strength: Strength = 0.5,
        prompt: Prompt | None = None,
        seed: Seed = None,
        n: Count = 1,
        quality: Quality = "final",
        control: Controls = [],  # noqa: B006
        reference: References = [],  # noqa: B006
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Image-to-image: other pictures like this one, with its words or others."""
        room = await self._talk.room(ctx, project)
        given = {"strength": strength, "prompt": prompt, "seed": seed, "n": n, "quality": quality}

        def order() -> Order:
            steering = _steering(room, control, reference)
            return room.studio.orders.vary(version, **given, **steering)

        return await self._make(ctx, room, order, wait_seconds)

    @tool("Let words weigh more or less")
    async def reweight(
        self,
        ctx: Asked,
        *,
        version: Version,
        weights: Annotated[
            dict[str, Annotated[float, Field(ge=0, le=10)]],
            Field(
                min_length=1,
                max_length=50,
                description="Words or phrases of its prompt with their weights; 1 is neutral, 1.4 a"
                " good first try for more, 0.6 for less.",
            ),
        ],
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """The same picture, same seed and composition, with some words counting more or less: when
        something that the prompt names is missing, too weak or too much. 'heatmap' shows where a
        word looked, 'compare' whether it helped."""
        room = await self._talk.room(ctx, project)
        return await self._make(
            ctx, room, lambda: room.studio.orders.reweight(version, weights), wait_seconds
        )

    @tool("Replace a part of a picture")
    async def inpaint(
        self,
        ctx: Asked,
        *,
        version: Version,
        prompt: Annotated[
            str,
            Field(
                min_length=1,
                max_length=4_000,
                description="What shall stand there: short, and the part alone.",
            ),
        ],
        mask: Digest | None = None,
        word: Word | None = None,
        box: Box | None = None,
        corners: Corners | None = None,
        grow: Annotated[int, Field(ge=-512, le=512, description="Widen the place by pixels.")] = 0,
        invert: Annotated[bool, Field(description="Everything but the place.")] = False,
        negative: Negative = "",
        strength: Strength = 1.0,
        seed: Seed = None,
        quality: Quality = "final",
        reference: References = [],  # noqa: B006
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Draw a part of a picture anew; every pixel outside keeps its bytes. The place is exactly
        one of: a mask from 'mask', a word of its prompt (where that was drawn), a box, or corners.
        Look at the place with 'mask' first when it matters."""
        room = await self._talk.room(ctx, project)
        place = mask_from(
            version, word=word, box=box, corners=corners, grow=grow, invert=invert, mask=mask
        )
        given = {"negative": negative, "strength": strength, "seed": seed, "quality": quality}

        def order() -> Order:
            white = mask_bytes(room, place, mask)
            steering = _steering(room, [], reference)
            return room.studio.orders.inpaint(version, white, prompt, **given, **steering)

        return await self._make(ctx, room, order, wait_seconds)

    @tool("Continue a picture past its edges")
    async def outpaint(
        self,
        ctx: Asked,
        *,
        version: Version,
        left: Pixels = 0,
        top: Pixels = 0,
        right: Pixels = 0,
        bottom: Pixels = 0,
        prompt: Prompt | None = None,
        seed: Seed = None,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Continue a picture past its edges; the old part keeps its bytes. A side grows by the
        picture's own width or height at most."""
        room = await self._talk.room(ctx, project)
        sides: dict[str, Any] = {"left": left, "top": top, "right": right, "bottom": bottom}
        return await self._make(
            ctx,
            room,
            lambda: room.studio.orders.outpaint(version, **sides, prompt=prompt, seed=seed),
            wait_seconds,
        )

    @tool("Finish a draft")
    async def refine(
        self,
        ctx: Asked,
        *,
        version: Version,
        quality: Quality = "final",
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """A draft at another quality, its composition kept. The finished picture is its child."""
        room = await self._talk.room(ctx, project)
        return await self._make(
            ctx, room, lambda: room.studio.orders.refine(version, quality=quality), wait_seconds
        )

    @tool("Give a picture more pixels")
    async def upscale(
        self,
        ctx: Asked,
        *,
        version: Version,
        scale: Annotated[float, Field(gt=1, le=8, description="So many times as many a side.")] = 2,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """The same picture, larger, interpolated: for the last step before 'export'."""
        room = await self._talk.room(ctx, project)
        return await self._make(
            ctx, room, lambda: room.studio.orders.upscale(version, scale), wait_seconds
        )

    @tool("Change light and colour")
    async def retouch(
        self,
        ctx: Asked,
        *,
        version: Version,
        exposure: Annotated[float, Field(ge=-5, le=5, description="EV: 1 = twice the light.")] = 0,
        temperature: Annotated[float, Field(ge=-90, le=90, description="Towards warm.")] = 0,
        contrast: Annotated[float, Field(ge=-1, le=1)] = 0,
        saturation: Annotated[float, Field(ge=-1, le=1, description="-1 = grey.")] = 0,
        sharpness: Annotated[float, Field(ge=0, le=5)] = 0,
        mask: Annotated[Digest | None, Field(description="Only there; null = everywhere.")] = None,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Light and colour by numbers, 0 = no change. Quick: nothing is drawn anew, and what
        is in the picture stays. With a mask from 'mask' only that place changes."""
        room = await self._talk.room(ctx, project)
        given: dict[str, Any] = {
            "exposure": exposure,
            "temperature": temperature,
            "contrast": contrast,
            "saturation": saturation,
            "sharpness": sharpness,
        }

        def order() -> Order:
            white = room.studio.blobs.get(mask) if mask is not None else None
            return room.studio.orders.retouch(version, mask=white, **given)

        return await self._make(ctx, room, order, wait_seconds)

    @tool("Apply a finding's remedy")
    async def apply(
        self,
        ctx: Asked,
        *,
        version: Version,
        finding: Annotated[
            str, Field(min_length=1, max_length=500, description="Its name, e.g. 'weak:moon'.")
        ],
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Carry out what a finding suggests."""
        room = await self._talk.room(ctx, project)
        return await self._make(
            ctx, room, lambda: room.studio.orders.apply(version, finding), wait_seconds
        )

    @tool("Mend what the critics find")
    async def improve(
        self,
        ctx: Asked,
        *,
        version: Version,
        until: Annotated[
            float, Field(ge=0, le=1, description="The score to reach; 1 = nothing is amiss.")
        ] = 1.0,
        steps: Annotated[int, Field(ge=1, le=20, description="Versions to make at most.")] = 4,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Let the critics look, apply a remedy, and look again, until the score is reached or
        nothing is left to try. Answers the best version, which is never worse than the first."""
        room = await self._talk.room(ctx, project)
        order = lambda: room.studio.orders.improve(version, until=until, steps=steps)  # noqa: E731
        ended = await self._talk.draw(ctx, room, order, wait_seconds)
        return await made_of(self._talk, room, ended)

    @tool("Wait for pictures")
    async def wait(
        self,
        ctx: Asked,
        *,
        waiting: Annotated[str, Field(max_length=64, description="What another tool answered.")],
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Wait on for what took longer than another tool's wait_seconds."""
        room = await self._talk.room(ctx, project)
        ended = await self._talk.follow(ctx, room, waiting, wait_seconds)
        return await made_of(self._talk, room, ended)

    @tool("Stop drawing", again=True)
    async def cancel(
        self,
        ctx: Asked,
        *,
        waiting: Annotated[str, Field(max_length=64, description="What another tool answered.")],
        project: ProjectName = None,
    ) -> CallToolResult:
        """Stop what is still being drawn of an order. What was finished stays."""
        room = await self._talk.room(ctx, project)
        jobs = await self._talk.stop(room, waiting)
        states = [f"{job.place + 1}: {job.status}" + (" (ending)" * job.cancel) for job in jobs]
        return answered("Asked to stop. " + ", ".join(states))

    @tool("Go back to a version")
    async def rollback(
        self, ctx: Asked, version: Version, project: ProjectName = None
    ) -> Annotated[CallToolResult, Made]:
        """An earlier version as the newest again, so that work goes on from there. Nothing is lost:
        what came between stays."""
        room = await self._talk.room(ctx, project)
        back = await run_in_threadpool(room.studio.rollback, version)
        return await made_of(self._talk, room, Ended([back]))

    async def _make(
        self, ctx: Asked[Any, Any], room: Room, order: Callable[[], Order], patience: float
    ) -> CallToolResult:
        return await made_of(self._talk, room, await self._talk.draw(ctx, room, order, patience))


async def made_of(talk: Talk, room: Room, ended: Ended) -> CallToolResult:
    """The answer to an order: its versions with their pictures."""

    def look() -> CallToolResult:
        versions, said = list(ended.versions), ""
        for result in ended.results:
            if "best" in result:
                versions.append(room.studio.version(str(result["best"])))
                said = (
                    f"Score {result['before']:.2f} before, {result['after']:.2f} after"
                    f" {len(result['steps'])} steps; ended because: {result['ended']}."
                )
        found = told_all(room, versions, talk.context.capabilities())
        words = "\n".join(filter(None, [said, ended_in_words(ended, found)]))
        data = Made(
            project=room.id,
            versions=found,
            waiting=ended.waiting,
            failed=_plain(ended.failed),
            result=said,
        )
        pictures = pictures_of(room, versions)
        if ended.preview and ended.waiting:
            pictures += [TextContent(type="text", text="as far as it is:"), shown(ended.preview)]
        return answered(words or "Nothing was made.", data, pictures)

    return await run_in_threadpool(look)


def _steering(
    room: Room,
    control: Sequence[ControlIn],
    reference: Sequence[ReferenceIn],
    lora: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The arguments of an order for what steers it; nothing where nothing does. Blocks."""
    body = Steered(control=list(control), reference=list(reference), lora=dict(lora or {}))
    told = steering_of(room.studio.blobs, room.studio.version, body)
    return {name: value for name, value in told.items() if value}


def _plain(words: Sequence[str]) -> list[str]:
    return [" ".join(each.split()) for each in words]
