"""Tools about what there is: projects, models, words, marks, pictures from outside, files for the
world."""

from __future__ import annotations

from typing import Annotated, Literal

from mcp.server.mcpserver import Context as Asked
from mcp_types import CallToolResult
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from maquette.core.grammar import MAX_LENGTH, chips, explain
from maquette.core.recipe import PromptText
from maquette.engines.wording import unknown_words
from maquette.errors import ExportRefused, ModelMissing, SettingRefused
from maquette.server.compat.mcp.desk import Ended, Talk
from maquette.server.compat.mcp.making import made_of
from maquette.server.compat.mcp.shapes import (
    Exported,
    Made,
    Model,
    Models,
    Project,
    Projects,
    Read,
)
from maquette.server.compat.mcp.telling import answered, as_file
from maquette.server.compat.mcp.tool import ModelName, ProjectName, Version, tool
from maquette.server.compat.pictures import in_base64
from maquette.server.routes.releasing import file_of
from maquette.server.shapes_release import Export
from maquette.stages.release import write_whole

__all__ = ["Keeping"]

MAX_FILE = 6 * 2**20
"""Bytes of a file that travels inside an answer."""


class Keeping:
    """See the module."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    @tool("List projects", reads=True)
    async def projects(self, ctx: Asked) -> Annotated[CallToolResult, Projects]:
        """Every project, and which one is meant when none is named."""
        here = await self._talk.room(ctx, None)

        def look() -> CallToolResult:
            found: list[Project] = []
            for place in self._talk.context.rooms.list():
                room = self._talk.context.try_room(place.id)
                if room is None:
                    continue
                newest = room.studio.log(limit=1)
                count = room.studio.records.count()
                name = newest[0].short if newest else ""
                found.append(Project(id=place.id, versions=count, newest=name))
            lines = [f"{each.id}: {each.versions} versions" for each in found]
            words = "\n".join([*lines, f"Meant when none is named: {here.id}"])
            return answered(words, Projects(projects=found, here=here.id))

        return await run_in_threadpool(look)

    @tool("Make a project")
    async def create_project(
        self,
        ctx: Asked,  # noqa: ARG002
        *,
        name: Annotated[str, Field(min_length=1, max_length=100)],
    ) -> CallToolResult:
        """A new, empty project, for a brand, a campaign or a subject of its own. Name its id in the
        other tools from then on."""
        place = await run_in_threadpool(self._talk.context.rooms.create, name)
        return answered(f"Made the project '{place.id}'.")

    @tool("List models", reads=True)
    async def models(self, ctx: Asked) -> Annotated[CallToolResult, Models]:  # noqa: ARG002
        """What can draw here: sizes, qualities, whether words can be weighed and seen, and, for a
        small model, every word that it knows: keep prompts to those."""

        def look() -> CallToolResult:
            found: list[Model] = []
            for offer in self._talk.context.catalogue.offers():
                able = offer.capabilities
                words = sorted(able.vocabulary) if able.vocabulary is not None else None
                found.append(
                    Model(
                        name=offer.name,
                        engine=able.engine,
                        default=offer.default,
                        tasks=sorted(able.tasks),
                        best_size=(able.best_size.width, able.best_size.height),
                        sides=(able.min_side, able.max_side),
                        multiple=able.multiple,
                        qualities={
                            name: f"{preset.steps} steps of {preset.sampler}"
                            for name, preset in able.presets.items()
                        },
                        weights=able.weights,
                        token_maps=able.token_maps,
                        negatives=able.negatives,
                        billed=able.billed,
                        vocabulary=words,
                        notes=list(able.notes),
                    )
                )
            lines = [_model(each) for each in found]
            return answered("\n".join(lines), Models(models=found))

        return await run_in_threadpool(look)

    @tool("Read a prompt", reads=True)
    async def read_prompt(
        self,
        ctx: Asked,  # noqa: ARG002
        *,
        prompt: Annotated[str, Field(max_length=MAX_LENGTH)],
        model: ModelName = None,
    ) -> Annotated[CallToolResult, Read]:
        """How a prompt will be read before anything is drawn: its words with their weights, words
        that the model never saw, doubtful brackets."""

        def look() -> CallToolResult:
            offers = self._talk.context.catalogue.offers()
            offer = next((each for each in offers if model in {None, each.name}), None)
            if offer is None:
                known = ", ".join(each.name for each in offers)
                raise ModelMissing(f"no model '{model}'", hint=f"there are: {known}")
            unknown = unknown_words(PromptText(text=prompt), offer.capabilities)
            problems = [str(item["message"]) for item in explain(prompt, 20)["problems"]]
            words = [f"{chip.text} {chip.weight:g}" for chip in chips(prompt) if chip.text.strip()]
            data = Read(words=words, unknown=list(unknown), problems=problems)
            lines = [f"Words and weights: {', '.join(words)}"]
            lines.append(f"Unknown to the model: {', '.join(unknown) or 'none'}")
            lines += problems
            return answered("\n".join(lines), data)

        return await run_in_threadpool(look)

    @tool("Star, rate or name a version", again=True)
    async def mark(
        self,
        ctx: Asked,
        *,
        version: Version,
        star: bool | None = None,
        rating: Annotated[
            Literal["1", "2", "3", "4", "5", "x", ""] | None,
            Field(description="'x' = rejected, '' takes it away."),
        ] = None,
        name: Annotated[str | None, Field(max_length=200, description="'' takes it away.")] = None,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Made]:
        """Marks beside a version, so that a person finds your choice again. What is null stays."""
        room = await self._talk.room(ctx, project)
        given = {"star": star, "rating": rating, "name": name}

        def put() -> Ended:
            found = room.studio.version(version)
            for kind, value in given.items():
                if value is not None:
                    room.studio.mark(found, kind, value or None)
            return Ended([found])

        return await made_of(self._talk, room, await run_in_threadpool(put))

    @tool("Take in a picture")
    async def import_picture(
        self,
        ctx: Asked,
        *,
        link: Annotated[
            str | None, Field(max_length=2_000, description="An https address of a picture.")
        ] = None,
        data: Annotated[str | None, Field(description="Or its file in base64.")] = None,
        caption: Annotated[
            str | None, Field(max_length=MAX_LENGTH, description="What it shows.")
        ] = None,
        of: Annotated[
            Version | None, Field(description="The version that it is a retouched copy of.")
        ] = None,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Made]:
        """A picture from outside as a version, with the recipe that its file tells of, if any. With
        a caption its words have places too ('heatmap')."""
        if (link is None) == (data is None):
            raise SettingRefused("give one of link and data")
        room = await self._talk.room(ctx, project)

        def take() -> Ended:
            if link is not None:
                from maquette.net import fetch

                file = fetch(link).data
            else:
                file = in_base64(data or "")
            return Ended([room.studio.import_picture(file, caption=caption, of=of)[0]])

        return await made_of(self._talk, room, await run_in_threadpool(take))

    @tool("Export a version")
    async def export(
        self,
        ctx: Asked,
        *,
        version: Version = "@",
        format: Literal["png", "jpeg", "webp"] = "png",
        quality: Annotated[int, Field(ge=1, le=100, description="Of jpeg and webp.")] = 92,
        prompts: Annotated[bool, Field(description="Whether its words go into the file.")] = True,
        project: ProjectName = None,
    ) -> Annotated[CallToolResult, Exported]:
        """A version as a file for the world: full size, marked as made by AI, signed with how it
        came to be. Only when the person has approved of it."""
        room = await self._talk.room(ctx, project)
        body = Export(version=version, format=format, quality=quality, prompts=prompts)

        def write() -> CallToolResult:
            name, file, done = file_of(room, body)
            path = ""
            if self._talk.exports is not None:
                place = self._talk.exports / name
                write_whole(place, file)
                path = str(place)
            elif len(file) > MAX_FILE:
                raise ExportRefused(
                    f"the file has {len(file) / 2**20:.0f} MB, too much for an answer",
                    hint="take another format, or export it in the studio",
                )
            data = Exported(
                project=room.id,
                version=room.studio.version(version).short,
                name=name,
                format=done.format,
                bytes=done.bytes,
                sha256=done.digest,
                signed=done.signed,
                path=path,
            )
            where = f"written to {path}" if path else "in this answer"
            signed = "signed" if done.signed else "not signed"
            words = f"{name}: {done.bytes:,} bytes, {signed}, {where}"
            kind = f"image/{done.format}"
            return answered(words, data, [] if path else [as_file(name, file, kind)])

        return await run_in_threadpool(write)


def _model(model: Model) -> str:
    width, height = model.best_size
    lines = [
        f"{model.name} ({model.engine}{', the default' if model.default else ''}): best at"
        f" {width}x{height}, sides {model.sides[0]} to {model.sides[1]} by {model.multiple};"
        f" {', '.join(model.tasks)}"
    ]
    if not model.weights:
        lines.append("  words cannot be weighed")
    if model.billed:
        lines.append("  each picture is billed")
    lines += [f"  {note}" for note in model.notes]
    if model.vocabulary is not None:
        lines.append(f"  knows these words only: {', '.join(model.vocabulary)}")
    return "\n".join(lines)
