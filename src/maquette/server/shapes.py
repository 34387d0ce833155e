"""What goes over the wire, first part: what every answer is made of, projects, versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Body",
    "Digest",
    "FindingOut",
    "Graph",
    "GraphNode",
    "Marks",
    "NewProject",
    "PageQuery",
    "ProblemOut",
    "ProjectOut",
    "Projects",
    "Rating",
    "Shape",
    "SuggestionOut",
    "Summary",
    "TokenMaps",
    "VersionBase",
    "VersionDetail",
    "VersionPage",
    "WordOut",
]

WOLF = "3f2a9c0d4e5b6a7988776655443322110ffeeddccbbaa99887766554433221100"[:64]
MOON = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"
PICTURE = "c0ffee254729296a45a3885639ac7e10f9d54979c0ffee254729296a45a38856"

Digest = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256, 64 hexadecimal digits.", examples=[WOLF]
    ),
]
Rating = Annotated[
    Literal[1, 2, 3, 4, 5, "x"] | None,
    Field(description="1 to 5, 'x' for rejected, null for none.", examples=[4]),
]


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Body(BaseModel):
    """What is sent here: a field that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Malformed(Shape):
    """One malformed place of a request."""

    where: str = Field(examples=["body.seed"])
    message: str = Field(examples=["Input should be less than or equal to 4294967295"])


class ProblemOut(Shape):
    """A problem document of RFC 9457: what happened, and what to do."""

    type: str = Field(examples=["urn:maquette:problem:version-unknown"])
    title: str = Field(examples=["No version answers to this id, prefix or ``@``"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened.", examples=["no version has the id '3f2a'"])
    hint: str = Field(description="What to do.", examples=["the log lists the versions"])
    code: str = Field(
        description="The reason, which programs may go by.", examples=["version-unknown"]
    )
    errors: list[Malformed] | None = Field(
        default=None, description="Where a malformed request is malformed."
    )


class ProjectOut(Shape):
    """A project."""

    id: str = Field(description="Its slug in every address.", examples=["postcards"])
    name: str = Field(examples=["Postcards"])
    versions: int = Field(description="How many versions it holds.", examples=[12])
    newest: str | None = Field(description="The id of its newest version.", examples=[WOLF])
    image: str | None = Field(description="The digest of that version's picture.")
    stamp: str = Field(
        description="Changes whenever a version, a mark or a finding is added.", examples=["12-3-4"]
    )


class Projects(Shape):
    """Every project that this server has."""

    items: list[ProjectOut]


class NewProject(Body):
    """A project to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Spring campaign"}]})
    name: str = Field(min_length=1, max_length=100, description="What people call it.")


class VersionBase(Shape):
    """What a list and the page of a version both say of it."""

    id: str = Field(examples=[WOLF])
    short: str = Field(description="The id as people are shown it.", examples=[WOLF[:10]])
    parents: list[str] = Field(description="The ids of the versions it was made from.")
    operation: str = Field(description="What made it.", examples=["generate"])
    width: int = Field(examples=[256])
    height: int = Field(examples=[256])
    image: str = Field(description="The digest of its picture.", examples=[PICTURE])
    prompt: str | None = Field(examples=["a lone wolf under a full moon, misty forest"])
    negative: str | None = Field(examples=[""])
    seed: int | None = Field(examples=[7])
    quality: str | None = Field(
        description="The preset whose sampler, steps and guidance it has.", examples=["final"]
    )
    engine: str = Field(examples=["diffusers"])
    model: str | None = Field(examples=["postcard"])
    seconds: float = Field(description="How long it took to draw.", examples=[6.2])
    created_at: datetime
    star: bool = Field(description="Whether it is starred.")
    rating: Rating = None
    name: str = Field(description="What people call it; empty for none.", examples=["the one"])
    worst: Literal["note", "warning", "fault"] | None = Field(
        description="The severity of its worst finding.", examples=["warning"]
    )
    maps: bool = Field(description="Whether token maps were recorded while it was drawn.")


class Summary(VersionBase):
    """A version in a list."""

    findings: int = Field(description="How many findings it has.", examples=[1])
    score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How near its picture is to what was looked for: 1 is the same, 0 no nearer"
        " than to no words at all; null in other lists.",
        examples=[0.31],
    )


class PageQuery(Body):
    """Which versions."""

    limit: int = Field(default=50, ge=1, le=500, description="How many at most.")
    before: str | None = Field(
        default=None, max_length=80, description="Go on from this version (exclusive)."
    )
    q: str = Field(
        default="",
        max_length=200,
        description="Words of the prompt, a name, or the beginning of an id.",
        examples=["wolf moon"],
    )
    starred: bool = Field(default=False, description="Only those with a star.")
    rating: Literal["1", "2", "3", "4", "5", "x"] | None = Field(
        default=None, description="Only those rated at least so, or only the rejected ones (x)."
    )
    shows: str = Field(
        default="",
        max_length=200,
        description="What their pictures show, in words: the list is ranked by it, best first,"
        " without what is unlike it. Needs a model with a CLIP.",
        examples=["a red mug on a table"],
    )
    like: str | None = Field(
        default=None,
        max_length=80,
        description="Rank the list by likeness to the picture of this version instead.",
    )


class VersionPage(Shape):
    """A page of the versions, newest first; best first when it is ranked."""

    items: list[Summary]
    next: str | None = Field(description="Send this as 'before' for the next page.")
    unseen: int = Field(
        default=0,
        description="Of a ranked list: how many pictures nobody has looked at yet. They may belong"
        " here too: ask again, each answer looks at some of them.",
        examples=[0],
    )
    unknown: list[str] = Field(
        default=[],
        description="Words of 'shows' that the model never saw.",
        examples=[["submarine"]],
    )


class GraphNode(Shape):
    """A version in the graph: no more than a strip of thumbnails needs."""

    id: str = Field(examples=[WOLF])
    parents: list[str]
    operation: str = Field(examples=["reweight"])
    image: str = Field(examples=[PICTURE])
    width: int = Field(examples=[256])
    height: int = Field(examples=[256])
    name: str = Field(examples=[""])
    star: bool
    rating: Rating = None
    created_at: datetime


class Graph(Shape):
    """Every version of a project, oldest first."""

    items: list[GraphNode]


class SuggestionOut(Shape):
    """The remedy of a finding; 'apply' carries it out."""

    operation: str = Field(examples=["reweight"])
    says: str = Field(examples=["give 'moon' a weight of 1.5"])


class FindingOut(Shape):
    """What a critic noticed."""

    name: str = Field(description="What to call it by in 'apply'.", examples=["weak:moon"])
    critic: str = Field(examples=["attention"])
    message: str = Field(examples=["'moon' holds 3% of the picture's attention"])
    severity: Literal["note", "warning", "fault"]
    score: float = Field(ge=0, le=1, description="0 harmless, 1 as bad as it gets.")
    words: list[str] = Field(examples=[["moon"]])
    region: list[int] | None = Field(
        description="Where it is, as [x, y, width, height].", examples=[[0, 0, 64, 64]]
    )
    suggestion: SuggestionOut | None = None


class WordOut(Shape):
    """A word of the prompt and what it holds of the picture."""

    text: str = Field(examples=["moon"])
    start: int = Field(description="Where it stands in the prompt.", examples=[25])
    end: int = Field(examples=[29])
    weight: float = Field(examples=[1.0])
    share: float = Field(description="Its part of all words' attention, 0 to 1.", examples=[0.12])
    peak: list[int] = Field(description="The hottest place, as [x, y].", examples=[[128, 40]])


class VersionDetail(VersionBase):
    """A version with everything that is known of it."""

    recipe: dict[str, Any] = Field(description="Everything that decides the picture.")
    recipe_digest: str = Field(examples=[MOON])
    build: str = Field(
        description="What really ran.", examples=["diffusers 2; postcard ff18e17787aa; …"]
    )
    cost: dict[str, Any] = Field(examples=[{"seconds": 6.2, "money": {"amount": "0"}}])
    findings: list[FindingOut] = Field(description="Worst first.")
    children: list[str] = Field(description="The ids of the versions made from it.")
    words: list[WordOut] = Field(description="From its token maps; empty where there are none.")
    origin: dict[str, Any] = Field(
        description="What its words and settings came from: template, playbook, row, values, flags"
        " as typed and what became of them, campaign. Empty where nothing was told.",
        examples=[{"playbook": "acme", "template": "hero", "values": {"product": "mug"}}],
    )
    locked: list[str] = Field(
        description="Words that no change of it may remove or weaken.", examples=[["Acme red"]]
    )


class TokenMaps(Shape):
    """The token maps of a version, all words at once."""

    rows: int = Field(examples=[32])
    columns: int = Field(examples=[32])
    region: list[int] | None = Field(
        description="The part of the picture they cover, as [x, y, width, height]; null = all."
    )
    words: list[WordOut]
    maximum: list[float] = Field(description="What 255 stands for, for each word.")
    data: str = Field(
        description="Base64 of words × rows × columns bytes, each word scaled to its own maximum."
    )


class Marks(Body):
    """What people add to a version. A field that is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"star": True}, {"rating": "x"}, {"name": "the one"}]}
    )
    star: bool | None = None
    rating: Rating = Field(default=None, validate_default=False)
    name: str | None = Field(default=None, max_length=200, description="Empty takes it away.")
