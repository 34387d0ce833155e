"""How a method becomes a tool, and the arguments that many tools share."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import Field

from maquette.core.grammar import MAX_LENGTH
from maquette.core.recipe import MAX_SEED
from maquette.errors import MaquetteError
from maquette.server.compat.mcp.desk import refused
from maquette.server.problems import HttpRefused
from maquette.server.shapes_steering import ControlIn, ReferenceIn

__all__ = [
    "Box",
    "Controls",
    "Corners",
    "Count",
    "Ids",
    "Loras",
    "ModelName",
    "Negative",
    "Patience",
    "ProjectName",
    "Prompt",
    "Quality",
    "References",
    "Seed",
    "Side",
    "Strength",
    "Version",
    "Word",
    "add_tools",
    "tool",
]

Version = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        description="A version: its id or how it begins, '@' for the newest, '@~2' for the second"
        " before it.",
    ),
]
Ids = Annotated[list[Version], Field(min_length=1, max_length=100)]
ProjectName = Annotated[
    str | None,
    Field(
        max_length=100,
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        description="A project's id, as 'projects' lists it; null = the one at hand.",
    ),
]
ModelName = Annotated[
    str | None,
    Field(
        pattern=r"^[^/\\]{1,200}$",
        description="A model's name, as 'models' lists it; null = the default.",
    ),
]
Prompt = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_LENGTH,
        description="What to draw. '(moon:1.4)' lets a word count more, '[fog]' less.",
    ),
]
Negative = Annotated[str, Field(max_length=MAX_LENGTH, description="What to leave out.")]
Seed = Annotated[
    int | None,
    Field(ge=0, le=MAX_SEED, description="The same seed draws the same composition; null = any."),
]
Count = Annotated[int, Field(ge=1, le=16, description="How many pictures.")]
Quality = Annotated[
    Literal["draft", "preview", "final"],
    Field(description="draft is quick and cheap, final is slow and good."),
]
Strength = Annotated[float, Field(gt=0, le=1, description="0 keeps the picture, 1 ignores it.")]
Side = Annotated[int, Field(ge=64, le=16384, description="Pixels.")]
Word = Annotated[
    str, Field(min_length=1, max_length=500, description="A word or phrase of its prompt.")
]
Box = Annotated[
    list[int], Field(min_length=4, max_length=4, description="x, y, width, height in pixels.")
]
Corners = Annotated[
    list[list[float]],
    Field(min_length=3, max_length=2_000, description="Corners of an area, each as [x, y]."),
]
Patience = Annotated[
    float,
    Field(
        ge=0,
        le=600,
        description="Seconds to wait for the pictures; what takes longer goes on and is asked after"
        " with 'wait'.",
    ),
]

Controls = Annotated[
    list[ControlIn],
    Field(
        max_length=8,
        description="Structures to obey: the lines, depth or pose of another version (with"
        " make=true the map is made of it). 'adapters' lists the networks that can.",
    ),
]
References = Annotated[
    list[ReferenceIn],
    Field(max_length=8, description="Versions to be like: in style, or a character or object."),
]
Loras = Annotated[
    dict[str, Annotated[float, Field(ge=-10, le=10)]],
    Field(max_length=16, description="LoRAs that 'adapters' lists, with their weights."),
]

Method = TypeVar("Method", bound=Callable[..., Awaitable[CallToolResult]])
_MARK = "_maquette_tool"


@dataclass(frozen=True)
class _Mark:
    title: str
    reads: bool
    again: bool


def tool(title: str, *, reads: bool = False, again: bool = False) -> Callable[[Method], Method]:
    """Mark a method as a tool. ``reads``: nothing is changed by it; ``again``: a second call with
    the same arguments changes nothing more. No tool ever overwrites or deletes anything."""

    def marked(method: Method) -> Method:
        setattr(method, _MARK, _Mark(title, reads, again))
        return method

    return marked


def add_tools(server: MCPServer[Any], *groups: object, outside: bool) -> None:
    """Let a server have every marked method of these objects, by its name and with its
    documentation. ``outside``: what draws asks a service on the network."""
    for group in groups:
        for name in vars(type(group)):
            method = getattr(group, name)
            mark: _Mark | None = getattr(method, _MARK, None)
            if mark is None:
                continue
            server.add_tool(
                _guarded(method),
                name=name,
                title=mark.title,
                description=" ".join((method.__doc__ or "").split()),
                annotations=ToolAnnotations(
                    title=mark.title,
                    read_only_hint=mark.reads,
                    destructive_hint=False,
                    idempotent_hint=mark.reads or mark.again,
                    open_world_hint=outside and not mark.reads,
                ),
            )


def _guarded(method: Callable[..., Awaitable[CallToolResult]]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def guarded(*args: Any, **kwargs: Any) -> CallToolResult:
        try:
            return await method(*args, **kwargs)
        except MaquetteError as error:
            return refused(error)
        except HttpRefused as error:
            return refused(MaquetteError(str(error.detail), hint=error.hint))

    return guarded
