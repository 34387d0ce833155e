"""Commands that make versions from words and from other versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from maquette.cli.call import Call
from maquette.cli.flags import tell_flags
from maquette.cli.options import (
    EngineName,
    FlagReading,
    Guidance,
    Interpreter,
    ModelName,
    Negative,
    Quality,
    Sampler,
    Seed,
    Steps,
    Version,
    read_box,
    read_number,
    read_size,
    read_weights,
)
from maquette.cli.steering import (
    Controls,
    Embeddings,
    Loras,
    References,
    read_steering_options,
)

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Make"

NewPrompt = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Other words than the version's own.")
]
Strength = Annotated[
    float,
    typer.Option(
        metavar="X", callback=read_number, help="How far to go: near 0 keeps it, 1 ignores it."
    ),
]
Count = Annotated[
    int, typer.Option("-n", metavar="N", help="How many pictures, with seeds that follow.")
]
Pixels = Annotated[int, typer.Option(metavar="N", help="Pixels more on this side.")]


def generate(
    call: Call,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="What the picture shows, in words.")
    ],
    *,
    negative: Negative = "",
    seed: Seed = None,
    n: Count = 1,
    quality: Quality = "final",
    steps: Steps = None,
    guidance: Guidance = None,
    control: Controls = None,
    reference: References = None,
    lora: Loras = None,
    embedding: Embeddings = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels (default: the model's best size).")
    ] = None,
    engine: EngineName = None,
    model: ModelName = None,
    sampler: Sampler = None,
    interpreter: Interpreter = "attention",
    flags: FlagReading = "auto",
    no_maps: Annotated[
        bool, typer.Option("--no-maps", help="Record no token maps: a little faster.")
    ] = False,
) -> None:
    """Draw pictures from words.

    Makes the project when the folder has none. Midjourney's flags at the end of the prompt are
    translated, and what became of each is said; an option counts before a flag.
    """
    pixels = read_size(size)
    steering = read_steering_options(control, reference, lora, embedding)
    with call.studio(create=True, engine=engine, model=model) as studio:
        told = studio.read_words(prompt, flags)
        tell_flags(call.voice, told)
        count = told.settings.get("n", 1) if n == 1 else n
        call.make(
            studio,
            "drawing",
            lambda: studio.generate(
                prompt,
                negative=negative,
                seed=seed,
                n=n,
                size=pixels,
                quality=quality,
                steps=steps,
                guidance=guidance,
                **steering,
                sampler=sampler,
                interpreter=interpreter,
                maps=not no_maps,
                flags=flags,
            ),
            total=count,
        )


def explore(
    call: Call,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="What the pictures show, in words.")
    ],
    *,
    reach: Annotated[
        Literal["near", "far"],
        typer.Option(help="Styles near the prompt's own, or far from it and from each other."),
    ] = "near",
    n: Annotated[int, typer.Option("-n", metavar="N", help="How many styles.")] = 5,
    negative: Negative = "",
    seed: Seed = None,
    quality: Quality = "draft",
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Draw the same words and seed in other styles.

    Makes the project when the folder has none.
    """
    with call.studio(create=True, engine=engine, model=model) as studio:
        made = call.make(
            studio,
            "exploring",
            lambda: studio.explore(
                prompt, reach=reach, n=n, negative=negative, seed=seed, quality=quality
            ),
            total=n,
        )
    for version in made:
        words = version.recipe.prompt.text if version.recipe.prompt else ""
        call.voice.aside(f"{version.short}  {words}")


def refine(
    call: Call,
    v: Version,
    *,
    quality: Quality = "final",
    way: Annotated[
        Literal["auto", "continue", "picture", "seed"],
        typer.Option(
            help="Go on from the kept drawing, start from the picture, or from the same noise."
        ),
    ] = "auto",
    begin: Annotated[
        float,
        typer.Option(
            metavar="X",
            callback=read_number,
            help="With continue: after which share of the draft's steps.",
        ),
    ] = 0.5,
    strength: Annotated[
        float,
        typer.Option(
            metavar="X", callback=read_number, help="With picture: near 0 keeps it, 1 ignores it."
        ),
    ] = 0.5,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="A larger size of the same shape (default: its own)."),
    ] = None,
    steps: Steps = None,
    guidance: Guidance = None,
    model: ModelName = None,
) -> None:
    """Finish a draft: another quality, the same composition.

    The finished picture is a child of its draft.
    """
    pixels = read_size(size)
    with call.studio(model=model) as studio:
        call.make(
            studio,
            "refining",
            lambda: [
                studio.refine(
                    v,
                    quality=quality,
                    way=way,
                    begin=begin,
                    strength=strength,
                    size=pixels,
                    steps=steps,
                    guidance=guidance,
                )
            ],
        )


def reweight(
    call: Call,
    v: Version,
    weights: Annotated[
        list[str],
        typer.Argument(
            metavar="WORD=W",
            help="A word or phrase and its weight: moon=1.4, 'full moon=0.7'; 1 is neutral.",
        ),
    ],
    *,
    begin: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="After which share of its steps the kept drawing is taken up. Default: 0.1, which"
            " keeps things in their places; 0.5 is nearly twice as fast, 0 draws from noise.",
        ),
    ] = None,
    model: ModelName = None,
) -> None:
    """Let words weigh more or less; seed and composition stay."""
    asked = read_weights(weights)
    with call.studio(model=model) as studio:
        how = {} if begin is None else {"begin": begin}
        call.make(studio, "reweighting", lambda: [studio.reweight(v, asked, **how)])


def inpaint(
    call: Call,
    v: Version,
    *,
    prompt: Annotated[str, typer.Option(metavar="TEXT", help="What the masked place shows.")],
    mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A picture of the version's size, white = edit."),
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Instead of --mask: where this word is.")
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="Instead of --mask: a rectangle.")
    ] = None,
    negative: Negative = "",
    seed: Seed = None,
    strength: Strength = 1.0,
    feather: Annotated[
        int | None, typer.Option(metavar="N", help="Width of the blend in pixels.")
    ] = None,
    quality: Quality = "final",
    steps: Steps = None,
    guidance: Guidance = None,
    control: Controls = None,
    reference: References = None,
    lora: Loras = None,
    embedding: Embeddings = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Draw new pixels where a mask is white; every other pixel keeps its bytes."""
    rectangle = read_box(box)
    if sum(way is not None for way in (mask, token, rectangle)) != 1:
        raise typer.BadParameter("give one of --mask, --token and --box")
    steering = read_steering_options(control, reference, lora, embedding)
    with call.studio(engine=engine, model=model) as studio:
        white: Any = mask if mask is not None else studio.mask(v, box=rectangle, token=token)
        call.make(
            studio,
            "inpainting",
            lambda: [
                studio.inpaint(
                    v,
                    white,
                    prompt,
                    negative=negative,
                    seed=seed,
                    strength=strength,
                    feather=feather,
                    quality=quality,
                    steps=steps,
                    guidance=guidance,
                    **steering,
                )
            ],
        )


def outpaint(
    call: Call,
    v: Version,
    *,
    left: Pixels = 0,
    top: Pixels = 0,
    right: Pixels = 0,
    bottom: Pixels = 0,
    overlap: Annotated[
        int,
        typer.Option(metavar="N", help="Pixels of the old picture drawn anew beside them."),
    ] = 0,
    prompt: NewPrompt = None,
    seed: Seed = None,
    quality: Quality = "final",
    steps: Steps = None,
    guidance: Guidance = None,
    control: Controls = None,
    reference: References = None,
    lora: Loras = None,
    embedding: Embeddings = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Continue a picture past its edges."""
    steering = read_steering_options(control, reference, lora, embedding)
    with call.studio(engine=engine, model=model) as studio:
        call.make(
            studio,
            "outpainting",
            lambda: [
                studio.outpaint(
                    v,
                    left=left,
                    top=top,
                    right=right,
                    bottom=bottom,
                    overlap=overlap,
                    prompt=prompt,
                    seed=seed,
                    quality=quality,
                    steps=steps,
                    guidance=guidance,
                    **steering,
                )
            ],
        )


def vary(
    call: Call,
    v: Version,
    *,
    strength: Strength = 0.5,
    seed: Seed = None,
    n: Count = 1,
    prompt: NewPrompt = None,
    negative: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to keep out (default: as before).")
    ] = None,
    quality: Quality = "final",
    steps: Steps = None,
    guidance: Guidance = None,
    control: Controls = None,
    reference: References = None,
    lora: Loras = None,
    embedding: Embeddings = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Draw pictures near a version."""
    steering = read_steering_options(control, reference, lora, embedding)
    with call.studio(engine=engine, model=model) as studio:
        call.make(
            studio,
            "varying",
            lambda: studio.vary(
                v,
                strength=strength,
                seed=seed,
                n=n,
                prompt=prompt,
                negative=negative,
                quality=quality,
                steps=steps,
                guidance=guidance,
                **steering,
            ),
            total=n,
        )


def rollback(call: Call, v: Version) -> None:
    """Make an earlier version the newest again; what came between stays."""
    from maquette.cli.output import show_versions
    from maquette.cli.words import amount

    with call.studio() as studio:
        target = studio.version(v)
        ids = [node.id for node in studio.graph()]
        since = len(ids) - ids.index(target.id) - 1
        show_versions(call.voice, studio, [studio.rollback(target)])
        stay = f"; what was made since stays ({amount(since, 'version')})" if since else ""
        call.voice.aside(f"{target.short} is the newest again, with its recipe{stay}")


COMMANDS = (generate, explore, refine, reweight, inpaint, outpaint, vary, rollback)
