"""What goes over the wire, fourth part: templates and playbooks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from maquette.core.grammar import MAX_LENGTH
from maquette.core.job import INTERACTIVE
from maquette.core.recipe import MAX_SEED
from maquette.core.template import MAX_TEMPLATE
from maquette.server.shapes import Body, Shape

__all__ = [
    "CheckOut",
    "ChecksOut",
    "Expand",
    "Expanded",
    "Fill",
    "FilledOut",
    "Play",
    "PlaybookIn",
    "PlaybookOut",
    "Playbooks",
    "RowText",
    "SavedOut",
    "TemplateOut",
    "Tried",
    "Try",
    "VariableOut",
]

HERO = "a {red|blue} ${product}, <lock:studio backdrop>"

Values = Annotated[
    dict[
        Annotated[str, Field(max_length=60)],
        Annotated[str, Field(max_length=MAX_LENGTH)],
    ],
    Field(max_length=200, description="Values by variable.", examples=[{"product": "mug"}]),
]
Lists = Annotated[
    dict[
        Annotated[str, Field(max_length=120)],
        Annotated[list[Annotated[str, Field(max_length=MAX_LENGTH)]], Field(max_length=10_000)],
    ],
    Field(max_length=1_000, description="Entries by wildcard.", examples=[{"season": ["summer"]}]),
]
SavedName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,59}(@[0-9]{1,6})?$",
        description="A playbook saved in the project; `acme@2` is its second revision.",
        examples=["acme"],
    ),
]
HowMany = Annotated[
    int | None,
    Field(ge=1, le=1_000, description="Texts for each row, at most; null = all of them."),
]
Choose = Annotated[
    int, Field(ge=0, le=MAX_SEED, description="What decides the choices, as a seed does the noise.")
]


class Expand(Body):
    """A template and what fills it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"template": HERO, "values": {"product": "mug"}}]}
    )
    template: str = Field(max_length=MAX_TEMPLATE)
    values: Values = Field(default_factory=dict[str, str])
    wildcards: Lists = Field(default_factory=dict[str, list[str]])
    n: HowMany = 10
    choose: Choose = 0


class FilledOut(Shape):
    """A prompt that a template says."""

    text: str = Field(examples=["a red mug, studio backdrop"])
    negative: str = Field(description="What its playbook keeps out.", examples=[""])
    locked: list[str] = Field(
        description="Words that must stay in it.", examples=[["studio backdrop"]]
    )


class Expanded(Shape):
    """What a template says."""

    ways: int = Field(description="How many ways there are, counted up to 10^15.", examples=[2])
    items: list[FilledOut]


class _Rows(Body):
    """A template, and the rows that it is filled with."""

    template: str = Field(
        max_length=MAX_TEMPLATE, description="A template, or the name of one in the playbook."
    )
    playbook: SavedName | None = None
    values: Values = Field(default_factory=dict[str, str])
    rows: Annotated[
        list[Values], Field(max_length=1_000, description="Values row by row, beside `values`.")
    ] = Field(default_factory=list[dict[str, str]])
    n: HowMany = 1
    choose: Choose = 0


class Fill(_Rows):
    """Pictures from a template, row by row."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"template": HERO, "rows": [{"product": "mug"}, {"product": "vase"}], "seed": 7}
            ]
        }
    )
    negative: Annotated[str, Field(max_length=MAX_LENGTH)] = ""
    seed: Annotated[
        int | None, Field(ge=0, le=MAX_SEED, description="null = any.", examples=[7])
    ] = None
    same_seed: bool = Field(default=False, description="One seed for all.")
    size: Annotated[
        tuple[int, int] | None,
        Field(description="[width, height]; null = the template's.", examples=[[256, 256]]),
    ] = None
    quality: Annotated[
        Literal["draft", "preview", "final"] | None, Field(description="null = the template's.")
    ] = None
    steps: Annotated[int | None, Field(ge=1, le=1000, description="null = the preset's.")] = None
    guidance: Annotated[
        float | None, Field(ge=0, le=50, description="How closely to follow the words.")
    ] = None
    maps: bool = Field(default=True, description="Whether to record token maps.")
    priority: int = Field(default=INTERACTIVE, ge=0, le=100, description="0 = a person waits.")


class Play(Body):
    """A chain of a saved playbook to be carried out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"playbook": "acme", "chain": "launch", "values": {"product": "mug"}}]
        }
    )
    playbook: SavedName
    chain: str = Field(max_length=60, examples=["launch"])
    values: Values = Field(default_factory=dict[str, str])
    seed: Annotated[
        int | None, Field(ge=0, le=MAX_SEED, description="null = any.", examples=[7])
    ] = None
    priority: int = Field(default=INTERACTIVE, ge=0, le=100, description="0 = a person waits.")


class PlaybookIn(Body):
    """A playbook to be kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "text": "playbook: 1\nname: acme\nversion: 1\ntemplates:\n"
                    "  hero: {template: 'a ${product}'}\n"
                }
            ]
        }
    )
    text: str = Field(max_length=500_000, description="Its YAML.")


class SavedOut(Shape):
    """A saved playbook."""

    name: str = Field(examples=["acme"])
    revision: int = Field(description="Its newest revision.", examples=[2])
    version: str = Field(description="As its authors count.", examples=["1.2"])


class Playbooks(Shape):
    """The playbooks of a project, by name."""

    items: list[SavedOut]


class VariableOut(Shape):
    """A variable of a template."""

    name: str = Field(examples=["product"])
    about: str = Field(examples=["what is shown"])
    default: str | None = Field(description="null = it must be given.")
    one_of: list[str] | None = Field(description="null = anything.", examples=[["mug", "vase"]])


class Try(_Rows):
    """A template of the project to be looked at before anything is drawn from it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"template": HERO, "rows": [{"product": "mug"}]}]}
    )


class RowText(FilledOut):
    """A prompt that a template says for a row."""

    row: int = Field(description="Counted from 1.", examples=[1])


class Tried(Shape):
    """What a template asks for, and what it says so far."""

    variables: list[VariableOut]
    locked: list[str] = Field(description="Words that must stay.", examples=[["studio backdrop"]])
    missing: list[str] = Field(
        description="Variables without a value in some row; then nothing is said.", examples=[[]]
    )
    ways: int = Field(description="Of the first row, counted up to 10^15.", examples=[2])
    items: list[RowText]


class TemplateOut(Shape):
    """A template with what people need to know of it."""

    name: str = Field(examples=["hero"])
    purpose: str
    when: str
    template: str = Field(examples=[HERO])
    variables: list[VariableOut]
    locked: list[str] = Field(description="Words that must stay.", examples=[["Acme red"]])
    problem: str = Field(description="Why it cannot be used, or empty.", examples=[""])


class PlaybookOut(Shape):
    """A playbook in full."""

    name: str = Field(examples=["acme"])
    revision: int = Field(examples=[2])
    revisions: list[int] = Field(description="All of them, oldest first.", examples=[[1, 2]])
    version: str = Field(examples=["1.2"])
    digest: str = Field(description="SHA-256 of what it says.")
    purpose: str
    when: str
    templates: list[TemplateOut]
    chains: list[str] = Field(examples=[["launch"]])
    wildcards: dict[str, int] = Field(description="Entries of each.", examples=[{"season": 3}])
    text: str = Field(description="Its YAML.")
    document: str = Field(description="The same for people, as Markdown.")


class CheckOut(Shape):
    """A test or a remark."""

    where: str = Field(examples=["templates.hero.examples.1"])
    ok: bool
    message: str = Field(description="What is wrong, or empty.", examples=[""])
    kind: Literal["test", "remark"]


class ChecksOut(Shape):
    """What a playbook's own tests say, then remarks on how it is written."""

    passed: bool = Field(description="Whether every test passed.")
    items: list[CheckOut]
