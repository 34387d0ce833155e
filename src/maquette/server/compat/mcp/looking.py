"""Tools that only look: at versions, at what words did, at what changed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context as Asked
from mcp_types import CallToolResult, ContentBlock, TextContent
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from maquette.core.raster import heat_overlay
from maquette.server.compat.mcp.desk import PATIENCE, Talk
from maquette.server.compat.mcp.masking import mask_from
from maquette.server.compat.mcp.shapes import (
    Changed,
    Covered,
    Heated,
    HotWord,
    Listed,
    Made,
    Shown,
)
from maquette.server.compat.mcp.telling import (
    answered,
    as_picture,
    describe,
    picture_of,
    pictures_of,
    told,
    told_all,
)
from maquette.server.compat.mcp.tool import (
    Box,
    Corners,
    Ids,
    Patience,
    ProjectName,
    Version,
    Word,
    tool,
)
from maquette.server.routes.comparing import compared
from maquette.server.routes.masks import keep_mask, make_mask_of

__all__ = ["Looking"]

LOOKS = 5.0
"""Seconds that a search takes at most to look at new pictures."""


class Looking:
    """See the module."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    @tool("List versions", reads=True)
    async def versions(
        self,
        ctx: Asked,
        *,
        search: Annotated[
            str, Field(max_length=200, description="Words of prompts or names; empty = all.")
        ] = "",
        shows: Annotated[
            str, Field(max_length=1000, description="What the pictures show, in words; best first.")
        ] = "",
        like: Annotated[
            Version | None, Field(description="What the pictures are like, instead; best first.")
        ] = None,
        starred: bool = False,
        limit: Annotated[int, Field(ge=1, le=48)] = 12,
        before: Annotated[Version | None, Field(description="Go on after this one.")] = None,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Listed]:
        """The versions of a project, newest first, on a contact sheet with their ids; or those that
        show what ``shows`` says, or are ``like`` another, best first."""
        room = await self._talk.room(ctx, project)

        def listed() -> CallToolResult:
            found = room.studio.page(limit + 1, before, search, starred)
            shown = [entry.version for entry in found[:limit]]
            items = told_all(room, shown, self._talk.context.capabilities())
            data = Listed(project=room.id, versions=items, more=len(found) > limit)
            words = "\n".join(map(describe, items)) or "There are no versions yet: 'generate' one."
            return answered(words, data, pictures_of(room, shown, sheet=True))

        def seen() -> CallToolResult:
            filters: dict[str, Any] = {"q": search, "starred": starred, "before": before}
            found = room.studio.find(shows, like=like, limit=limit, seconds=LOOKS, **filters)
            shown = [match.entry.version for match in found.matches]
            items = told_all(room, shown, self._talk.context.capabilities())
            data = Listed(
                project=room.id,
                versions=items,
                more=found.more,
                unseen=found.unseen,
                unknown=list(found.unknown),
            )
            lines = [describe(item) for item in items] or ["Nothing was found."]
            if found.unseen:
                lines.append(f"{found.unseen} pictures are not looked at yet: ask again.")
            if found.unknown:
                lines.append(f"The model does not know: {', '.join(found.unknown)}.")
            return answered("\n".join(lines), data, pictures_of(room, shown, sheet=True))

        look = seen if shows.strip() or like is not None else listed

        return await run_in_threadpool(look)

    @tool("Look at a version", reads=True)
    async def look(
        self,
        ctx: Asked,
        *,
        version: Version = "@",
        side: Annotated[
            Literal[256, 512, 1024], Field(description="Pixels of the picture's longer side.")
        ] = 512,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Shown]:
        """A picture with everything that is known of it: prompt, seed, findings with remedies, what
        each word holds of it, where it came from and what was made of it."""
        room = await self._talk.room(ctx, project)

        def show() -> CallToolResult:
            found = room.studio.version(version)
            recipe, sampling = found.recipe, found.recipe.sampling
            stamp = room.studio.stamp()
            words = {each.text: each.share for each in room.words(found)}
            data = Shown(
                project=room.id,
                version=told(room, found, self._talk.context.capabilities()),
                model=recipe.model.name if recipe.model else recipe.engine,
                sampler=sampling.sampler if sampling else "",
                steps=sampling.steps if sampling else None,
                guidance=sampling.guidance if sampling else None,
                children=[child[:10] for child in room.children(stamp).get(found.id, ())],
                words=words,
                locked=list(room.studio.locked(found)),
            )
            shares = ", ".join(f"{word} {share:.0%}" for word, share in words.items())
            lines = [describe(data.version)]
            lines += [f"Attention by word: {shares}"] if shares else []
            lines += [f"Led to: {', '.join(data.children)}"] if data.children else []
            return answered("\n".join(lines), data, [picture_of(room, found, side)])

        return await run_in_threadpool(show)

    @tool("See where words looked", reads=True)
    async def heatmap(
        self,
        ctx: Asked,
        *,
        version: Version,
        words: Annotated[
            list[Word],
            Field(max_length=6, description="Words or phrases to show; empty = the strongest."),
        ] = [],  # noqa: B006 - never changed, and a schema needs it
        caption: Annotated[
            str | None,
            Field(
                max_length=1_000,
                description="For a picture that came without words: what it shows.",
            ),
        ] = None,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Heated]:
        """Which places of a picture answered to which word, as a map over it (hot = strong). A word
        whose map is faint or elsewhere was not drawn: give it more weight with 'reweight'. A map
        over the right place can be used as a mask: 'inpaint' with that word."""
        room = await self._talk.room(ctx, project)
        found = await run_in_threadpool(room.studio.version, version)
        if not await run_in_threadpool(room.has_maps, found):
            order = lambda: room.studio.orders.explain(found, caption)  # noqa: E731
            ended = await self._talk.draw(ctx, room, order, wait_seconds)
            if ended.waiting:
                data = Heated(project=room.id, version=found.short, words=[])
                return answered("Still being looked for: ask again in a while.", data)

        def look() -> CallToolResult:
            asked = [heat for word in words for heat in room.studio.heatmap(found, word)]
            everything = room.studio.heatmap(found)
            shown = asked or sorted(everything, key=lambda heat: -heat.share)[:1]
            named = {heat.token for heat in asked}
            listed = [*asked, *(each for each in everything if each.token not in named)]
            data = Heated(
                project=room.id,
                version=found.short,
                words=[
                    HotWord(word=each.token, share=round(each.share, 4), peak=each.peak)
                    for each in listed
                ],
            )
            lines = [
                f"{each.token}: {each.share:.1%} of the attention, hottest at {each.peak}"
                for each in listed
            ]
            pictures: list[ContentBlock] = []
            for heat in shown:
                pictures += [
                    TextContent(type="text", text=f"where '{heat.token}' looked"),
                    as_picture(heat.image),
                ]
            return answered("\n".join(lines), data, pictures)

        return await run_in_threadpool(look)

    @tool("Mark a place of a picture")
    async def mask(
        self,
        ctx: Asked,
        *,
        version: Version,
        word: Word | None = None,
        box: Box | None = None,
        corners: Corners | None = None,
        colour_at: Annotated[
            list[int] | None,
            Field(
                min_length=2,
                max_length=2,
                description="x, y: what hangs together there in one colour.",
            ),
        ] = None,
        grow: Annotated[int, Field(ge=-512, le=512, description="Widen it by pixels.")] = 0,
        feather: Annotated[int, Field(ge=0, le=256, description="Soften its edge.")] = 0,
        invert: Annotated[bool, Field(description="Everything but the place.")] = False,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Covered]:
        """A mask for 'inpaint', from exactly one of a word, a box, corners or a colour; answers a
        picture of where it lies, to be looked at before it is used."""
        room = await self._talk.room(ctx, project)
        asked = mask_from(
            version,
            word=word,
            box=box,
            corners=corners,
            colour=colour_at,
            grow=grow,
            feather=feather,
            invert=invert,
        )

        def make() -> CallToolResult:
            import numpy as np

            assert asked is not None  # noqa: S101 - no mask was given
            found = room.studio.version(version)
            white = make_mask_of(room, asked)
            kept = keep_mask(room, white)
            data = Covered(
                project=room.id,
                version=found.short,
                mask=kept.digest,
                share=kept.area,
                box=kept.box,
            )
            over = heat_overlay(
                room.studio.picture(found).convert("RGB"),
                np.asarray(white, dtype=np.float32) / np.float32(255),
                0.6,
            )
            words = f"mask {kept.digest} covers {kept.area:.1%}, within {kept.box}"
            if kept.area == 0:
                words += ". It is empty: nothing would change"
            return answered(words, data, [as_picture(over)])

        return await run_in_threadpool(make)

    @tool("Compare two versions", reads=True)
    async def compare(
        self, ctx: Asked, before: Version, after: Version = "@", project: ProjectName = None
    ) -> Annotated[CallToolResult, Changed]:
        """What changed from one version to another: both pictures and their difference side by
        side, words, weights, parameters, and how each word's share of the attention went."""
        room = await self._talk.room(ctx, project)

        def look() -> CallToolResult:
            old, new = room.studio.version(before), room.studio.version(after)
            found = compared(room, old.id, new.id)
            weights = {word: [was, now] for word, was, now in found.words.get("reweighted", ())}
            data = Changed(
                project=room.id,
                before=old.short,
                after=new.short,
                pixels=found.changed_share,
                psnr=found.psnr,
                ssim=found.ssim,
                words_added=list(found.words.get("added", ())),
                words_removed=list(found.words.get("removed", ())),
                weights=weights,
                parameters={name: [str(a), str(b)] for name, (a, b) in _two(found.parameters)},
                attention={each.token: [each.before, each.after] for each in found.maps_change},
            )
            sheet = room.studio.compare(old, new).sheet
            picture = as_picture(sheet, 1536)
            return answered(_changes(data), data, [picture])

        return await run_in_threadpool(look)

    @tool("Rank drafts", reads=True)
    async def select(
        self,
        ctx: Asked,
        *,
        versions: Ids,
        count: Annotated[int, Field(ge=1, le=20, description="How many to suggest.")] = 3,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Made]:
        """Drafts by score, best first, and which few are good and unlike one another; shows those.
        Your own eyes count for more: look at them."""
        room = await self._talk.room(ctx, project)

        def rank() -> CallToolResult:
            picks = room.studio.select(versions, count=count)
            best = sorted(
                (pick for pick in picks if pick.suggested is not None),
                key=lambda pick: pick.suggested or 0,
            )
            lines = [
                f"{pick.version.short}: score {pick.score:.2f}"
                + (f", suggestion {pick.suggested}" if pick.suggested is not None else "")
                + (f" ({pick.reason})" if pick.reason else "")
                for pick in picks
            ]
            chosen = [pick.version for pick in best]
            items = told_all(room, chosen, self._talk.context.capabilities())
            data = Made(project=room.id, versions=items)
            return answered("\n".join(lines), data, pictures_of(room, chosen))

        return await run_in_threadpool(rank)

    @tool("Let the critics look", again=True)
    async def critique(
        self,
        ctx: Asked,
        *,
        version: Version,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Every critic looks at a version: words that are weak or not drawn, faults, seams, blur.
        Answers the findings, each with the remedy that 'apply' carries out. What the critics cannot
        see (whether it is what the person wanted) you must judge yourself from the picture."""
        room = await self._talk.room(ctx, project)
        order = lambda: room.studio.orders.critique(version)  # noqa: E731
        ended = await self._talk.draw(ctx, room, order, wait_seconds)

        def look() -> CallToolResult:
            found = room.studio.version(version)
            item = told(room, found, self._talk.context.capabilities())
            words = describe(item) if item.findings else f"{describe(item)}\nNothing is amiss."
            data = Made(project=room.id, versions=[item], waiting=ended.waiting)
            return answered(words, data, [picture_of(room, found)])

        return await run_in_threadpool(look)


_INNER = re.compile(r"task\.(region|work|step|trace|anchors|keys)\b|.*(digest|image|mask)$")
"""Fields of a recipe that say nothing to whoever looks at the picture."""


def _two(parameters: dict[str, list[Any]]) -> list[tuple[str, tuple[Any, Any]]]:
    """The parameters that an assistant can do something with."""
    return [
        (name, (pair[0], pair[1]))
        for name, pair in parameters.items()
        if not _INNER.match(name) and not any(len(str(value)) > 60 for value in pair)
    ]


def _changes(data: Changed) -> str:
    lines = [
        f"{data.before} to {data.after}: {data.pixels:.1%} of the pixels changed, likeness (SSIM)"
        f" {data.ssim:.3f}. Left: before, middle: after, right: where they differ."
    ]
    if data.words_added or data.words_removed:
        lines.append(f"Words added: {data.words_added}, removed: {data.words_removed}")
    lines += [f"Weight of '{word}': {a} to {b}" for word, (a, b) in data.weights.items()]
    moved = sorted(data.attention.items(), key=lambda item: -abs(item[1][1] - item[1][0]))
    lines += [f"Attention of '{word}': {a:.1%} to {b:.1%}" for word, (a, b) in moved[:6] if a != b]
    lines += [f"{name}: {a} to {b}" for name, (a, b) in list(data.parameters.items())[:12]]
    return "\n".join(lines)
