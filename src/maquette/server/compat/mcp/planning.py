"""Tools of a house's own words and of longer work: templates, campaigns, and what steers a
drawing beside its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.server.mcpserver import Context as Asked
from mcp_types import CallToolResult
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from maquette.core.playbook import locked_by, needs
from maquette.engines.base import Adapting
from maquette.errors import JobUnknown, MaquetteError
from maquette.server.compat.mcp.desk import PATIENCE, Talk
from maquette.server.compat.mcp.making import made_of
from maquette.server.compat.mcp.shapes import (
    Card,
    Cards,
    Made,
    Stood,
    Tool,
    Tools,
)
from maquette.server.compat.mcp.telling import answered, pictures_of, told_all
from maquette.server.compat.mcp.tool import (
    Count,
    Ids,
    ModelName,
    Patience,
    ProjectName,
    Quality,
    Seed,
    tool,
)
from maquette.stages.carrying import home_of
from maquette.stages.plan import State

if TYPE_CHECKING:
    from maquette.server.context import Room
    from maquette.stages.order import Order
    from maquette.studio.playing import Named

__all__ = ["Planning"]

CampaignName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="The campaign's name.")
]


class Planning:
    """See the module."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    @tool("List adapters", reads=True)
    async def adapters(
        self,
        ctx: Asked,  # noqa: ARG002
        *,
        model: ModelName = None,
    ) -> Annotated[CallToolResult, Tools]:
        """What can steer a drawing beside its words: LoRAs (for 'lora' of 'generate', or
        '<lora:name:0.8>' in the prompt), networks that obey a structure ('control') and networks
        that look at a reference."""
        catalogue = self._talk.context.catalogue

        def look() -> CallToolResult:
            named = {offer.name for offer in catalogue.offers()}
            engine = catalogue.engine(None, model if model in named else None)
            found = engine.adapters() if isinstance(engine, Adapting) else ()
            items = [
                Tool(
                    name=each.name,
                    kind=each.kind,
                    reads=[*each.conditions, *each.roles],
                    trigger=each.trigger,
                    misfit=each.misfit,
                )
                for each in found
            ]
            lines = [
                f"{each.name}: {each.kind}" + (f" for {', '.join(each.reads)}" * bool(each.reads))
                + (f"; say '{each.trigger}'" * bool(each.trigger))
                + (f"; cannot be used: {each.misfit}" * bool(each.misfit))
                for each in items
            ]  # fmt: skip
            return answered("\n".join(lines) or "This model has none.", Tools(adapters=items))

        return await run_in_threadpool(look)

    @tool("List templates", reads=True)
    async def templates(
        self, ctx: Asked, project: ProjectName = None
    ) -> Annotated[CallToolResult, Cards]:
        """The project's templates: prompts with holes that a person wrote for products, people and
        places, with the words that no picture may lose. Prefer one that fits to words of your
        own: 'fill' draws from it."""
        room = await self._talk.room(ctx, project)

        def look() -> CallToolResult:
            items = [card for name in room.studio.playbooks.names() for card in _cards(room, name)]
            lines = [
                f"{each.playbook}/{each.template}: {each.purpose or each.text}"
                + (f"; needs {', '.join(each.needs)}" * bool(each.needs))
                + (f"; locked: {', '.join(each.locked)}" * bool(each.locked))
                + (f"; cannot be used: {each.problem}" * bool(each.problem))
                for each in items
            ]  # fmt: skip
            words = "\n".join(lines) or "No playbook is saved in this project."
            return answered(words, Cards(project=room.id, templates=items))

        return await run_in_threadpool(look)

    @tool("Draw from a template")
    async def fill(
        self,
        ctx: Asked,
        *,
        playbook: Annotated[
            str | None,
            Field(
                pattern=r"^[^/\\]{1,100}$",
                description="As 'templates' lists it; null = 'template' is a template's text.",
            ),
        ] = None,
        template: Annotated[
            str, Field(min_length=1, max_length=4_000, description="A template's name, or a text.")
        ],
        rows: Annotated[
            list[dict[str, str]],
            Field(max_length=16, description="The values of its holes, a row for each picture."),
        ] = [],  # noqa: B006 - never changed, and a schema needs it
        n: Annotated[Count, Field(description="Different prompts for each row.")] = 1,
        seed: Seed = None,
        quality: Annotated[Quality | None, Field(description="null = the template's.")] = None,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Made]:
        """Draw pictures from a template, row by row. Its locked words stay in every version that
        comes of it, and a row that would remove one is refused before anything is drawn."""
        room = await self._talk.room(ctx, project)
        given: dict[str, Any] = {"rows": rows, "n": n, "seed": seed, "quality": quality}

        def order() -> Order:
            return room.studio.orders.fill(template, playbook=playbook, **given)

        return await made_of(
            self._talk, room, await self._talk.draw(ctx, room, order, wait_seconds)
        )

    @tool("Begin a campaign, or go on")
    async def campaign(
        self,
        ctx: Asked,
        *,
        brief: Annotated[
            dict[str, Any],
            Field(
                max_length=100,
                description='For example {"campaign": "autumn", "prompts": ["a mug on a table"],'
                ' "drafts": {"count": 12}, "select": {"count": 3}, "pause": ["select"]}.',
            ),
        ],
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Stood]:
        """Many drafts, a few chosen, those finished and delivered, from one brief. It goes to its
        end, or to where 'pause' lets it wait for a choice ('choose'). What is there already is not
        made again, so the same brief goes on after anything. Much drawing: ask the person first."""
        room = await self._talk.room(ctx, project)
        await self._talk.draw(ctx, room, lambda: room.studio.orders.campaign(brief), wait_seconds)
        name = str(brief.get("campaign", ""))
        return await run_in_threadpool(self._stood, room, name)

    @tool("See where a campaign stands", reads=True)
    async def campaign_state(
        self, ctx: Asked, name: CampaignName, project: ProjectName = None
    ) -> Annotated[CallToolResult, Stood]:
        """Its stage, what it waits for, and the pictures that matter now."""
        room = await self._talk.room(ctx, project)
        return await run_in_threadpool(self._stood, room, name)

    @tool("Choose in a campaign")
    async def choose(
        self,
        ctx: Asked,
        *,
        name: CampaignName,
        stage: Annotated[
            Literal["select", "approve"],
            Field(description="select: drafts to finish; approve: finals to deliver."),
        ],
        versions: Ids,
        project: ProjectName = None,
        wait_seconds: Patience = PATIENCE,
    ) -> Annotated[CallToolResult, Stood]:
        """What the person chose, best first; the campaign goes on with it."""
        room = await self._talk.room(ctx, project)

        def order() -> Order:
            brief = _begun(room, name)
            room.studio.choose(brief, stage, versions)
            return room.studio.orders.campaign(brief)

        await self._talk.draw(ctx, room, order, wait_seconds)
        return await run_in_threadpool(self._stood, room, name)

    def _stood(self, room: Room, name: str) -> CallToolResult:
        state: State = room.studio.campaign_state(
            _begun(room, name), folder=str(home_of(room.studio.root, name))
        )
        waiting = state.waiting
        shown = list(waiting.versions if waiting else state.finals or state.drafts)
        data = Stood(
            project=room.id,
            campaign=name,
            stage=state.stage,
            waiting=waiting.says if waiting else "",
            suggested=[each.short for each in waiting.suggested] if waiting else [],
            drafts=len(state.drafts),
            finals=[each.short for each in state.finals],
            versions=told_all(room, shown, self._talk.context.capabilities()),
        )
        lines = [f"{name}: {data.stage}, {data.drafts} drafts, {len(data.finals)} finals"]
        lines += [f"It waits: {data.waiting}; suggested: {', '.join(data.suggested)}"] * bool(
            waiting
        )
        return answered("\n".join(lines), data, pictures_of(room, shown))


def _begun(room: Room, name: str) -> Any:
    found = room.studio.campaigns().get(name)
    if found is None:
        raise JobUnknown(f"no campaign '{name}' was begun here", hint="'campaign' begins one")
    return found


def _cards(room: Room, name: str) -> list[Card]:
    named: Named = room.studio.playbook(name)
    book = named.playbook
    found: list[Card] = []
    for template in book.templates:
        card, problem = book.card(template), ""
        asked, locked = tuple[str, ...](), tuple[str, ...]()
        try:
            asked, locked = tuple(needs(book, template)), tuple(locked_by(book, card))
        except MaquetteError as refused:
            problem = str(refused)
        found.append(
            Card(
                playbook=name,
                template=template,
                purpose=card.purpose,
                text=card.template,
                needs=list(asked),
                locked=list(locked),
                problem=problem,
            )
        )
    return found
