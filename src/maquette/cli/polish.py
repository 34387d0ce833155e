"""Commands that finish a picture: light and colour, size, faces, what is laid on it, layers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maquette.cli.call import Call, read_settings
from maquette.cli.options import Version, read_box, read_number
from maquette.cli.output import table, text
from maquette.cli.words import bytes_in_words

if TYPE_CHECKING:
    from maquette.core.surface import Surface
    from maquette.engines.learned.catalogue import Network as Found

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Polish"

Mask = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Only here: a picture of the version's size, white = change."
    ),
]
Source = Annotated[
    str, typer.Argument(metavar="PICTURE", help="A picture file, or a version of this project.")
]
BoxText = Annotated[str | None, typer.Option("--box", metavar="X,Y,W,H", help="A rectangle.")]
Corners = Annotated[
    str | None,
    typer.Option(
        metavar="'X,Y X,Y X,Y X,Y'", help="A surface, from its top left corner clockwise."
    ),
]
Arc = Annotated[
    float,
    typer.Option(
        metavar="DEGREES",
        callback=read_number,
        help="With --corners: how far round a cylinder it reaches; 0 is flat.",
    ),
]
Bend = Annotated[
    float,
    typer.Option(
        metavar="X",
        callback=read_number,
        help="With --arc: how far its edges hang in the middle, in heights of the surface.",
    ),
]
Opacity = Annotated[
    float, typer.Option(metavar="X", callback=read_number, help="0 unseen to 1 solid.")
]
Blend = Annotated[
    Literal["normal", "multiply", "screen", "overlay", "soft-light", "darken", "lighten", "add"],
    typer.Option(help="How its colours meet those below."),
]
Shading = Annotated[
    float,
    typer.Option(
        metavar="X", callback=read_number, help="How far it takes on the light below, 0 to 1."
    ),
]
Network = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="A network of MAQUETTE_MODELS (default: first)."),
]


def _amount(what: str) -> Any:
    return typer.Option(metavar="X", callback=read_number, help=what)


def retouch(
    call: Call,
    v: Version,
    *,
    exposure: Annotated[float, _amount("EV, -5 to 5; 1 is twice the light.")] = 0.0,
    temperature: Annotated[float, _amount("Towards warm, in mired, -90 to 90.")] = 0.0,
    tint: Annotated[float, _amount("Towards magenta, -100 to 100.")] = 0.0,
    contrast: Annotated[float, _amount("-1 to 1.")] = 0.0,
    saturation: Annotated[float, _amount("-1 (grey) to 1 (twice as much).")] = 0.0,
    curve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CHANNEL:]POINTS",
            help="A tone curve: '0,0 0.25,0.2 1,1' or 'red:0,0 1,0.9'; again for other channels.",
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(metavar="PICTURE", help="A file or version whose colours to take on."),
    ] = None,
    swatch: Annotated[
        list[str] | None,
        typer.Option(metavar="#RRGGBB", help="A colour to draw near ones to; again for more."),
    ] = None,
    match: Annotated[float, _amount("How far to take on palette or swatches, 0 to 1.")] = 1.0,
    sharpness: Annotated[float, _amount("0 to 5.")] = 0.0,
    radius: Annotated[float, _amount("Of sharpness, in pixels, 0.3 to 20.")] = 1.0,
    grain: Annotated[float, _amount("0 to 1.")] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the grain.")] = 0,
    mask: Mask = None,
    box: BoxText = None,
) -> None:
    """Change light and colour by numbers; 0 is no change.

    With --mask or --box every other pixel keeps its bytes.
    """
    curves = [_read_curve(text) for text in curve or ()]
    rectangle = read_box(box)
    if mask is not None and rectangle is not None:
        raise typer.BadParameter("give one of --mask and --box")
    with call.studio() as studio:
        white = studio.mask(v, box=rectangle) if rectangle is not None else mask
        call.make(
            studio,
            "retouching",
            lambda: [
                studio.retouch(
                    v,
                    exposure=exposure,
                    temperature=temperature,
                    tint=tint,
                    contrast=contrast,
                    saturation=saturation,
                    curves=curves,
                    palette=palette,
                    swatches=swatch or (),
                    match=match,
                    sharpness=sharpness,
                    radius=radius,
                    grain=grain,
                    seed=seed,
                    mask=white,
                )
            ],
        )


def upscale(
    call: Call,
    v: Version,
    scale: Annotated[
        float,
        typer.Option(metavar="X", callback=read_number, help="Times as many pixels a side."),
    ],
    method: Annotated[
        Literal["lanczos", "learned"],
        typer.Option(help="Interpolation, or a network of MAQUETTE_MODELS/upscalers."),
    ] = "lanczos",
    model: Network = None,
) -> None:
    """Give a picture more pixels.

    What a network invents is a finding of the new version; 'apply' takes it back.
    """
    with call.studio() as studio:
        call.make(
            studio,
            "upscaling",
            lambda: [studio.upscale(v, scale, method=method, model=model)],
        )


def restore(
    call: Call,
    v: Version,
    *,
    model: Network = None,
    strength: Annotated[float, _amount("How much of the new face, up to 1.")] = 0.8,
    box: Annotated[
        str | None,
        typer.Option("--box", metavar="X,Y,W,H", help="Where a face is (default: found)."),
    ] = None,
) -> None:
    """Let a network of MAQUETTE_MODELS/restorers draw faces anew."""
    rectangle = read_box(box)
    with call.studio() as studio:
        call.make(
            studio,
            "restoring",
            lambda: [studio.restore(v, model=model, strength=strength, box=rectangle)],
        )


def composite(
    call: Call,
    v: Version,
    picture: Source,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Its top left corner, at its own size.")
    ] = None,
    box: BoxText = None,
    stand: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,H",
            help="The middle of its foot and its height, as shares of the picture: 0.5,0.9,0.6.",
        ),
    ] = None,
    corners: Corners = None,
    arc: Arc = 0.0,
    bend: Bend = 0.0,
    opacity: Opacity = 1.0,
    blend: Blend = "normal",
    shading: Shading = 0.0,
    shadow: Annotated[
        float, _amount("How dark a shadow it throws: on the ground where it stands, else behind.")
    ] = 0.0,
    mask: Mask = None,
    feather: Annotated[
        int, typer.Option(metavar="N", help="Soften its own border, in pixels.")
    ] = 0,
) -> None:
    """Lay a picture on a version; what it does not cover keeps its bytes."""
    place = _read_place(at)
    rectangle = read_box(box)
    with call.studio() as studio:
        layer = {
            "picture": picture,
            "at": place,
            "box": rectangle,
            "stand": _read_stand(stand),
            "surface": _read_surface(corners, arc, bend),
            "opacity": opacity,
            "blend": blend,
            "shading": shading,
            "shadow": shadow,
            "mask": mask,
            "feather": feather,
        }
        call.make(studio, "compositing", lambda: [studio.composite(v, [layer])])


def logo(
    call: Call,
    v: Version,
    picture: Source,
    *,
    on: Annotated[
        str | None, typer.Option(metavar="WORD", help="The wall of what this word drew.")
    ] = None,
    box: Annotated[
        str | None,
        typer.Option("--box", metavar="X,Y,W,H", help="The wall of the thing in a rectangle."),
    ] = None,
    corners: Corners = None,
    arc: Arc = 0.0,
    bend: Bend = 0.0,
    flat: Annotated[bool, typer.Option("--flat", help="A flat front, not a cylinder.")] = False,
    size: Annotated[float, _amount("Its share of the surface, up to 1.")] = 0.7,
    opacity: Opacity = 1.0,
    blend: Blend = "normal",
    shading: Shading = 1.0,
) -> None:
    """Put a logo on a thing: in its own proportions, bent and lit as the thing is.

    The version's findings say how faithfully it stands there.
    """
    rectangle = read_box(box)
    with call.studio() as studio:
        surface = _read_surface(corners, arc, bend)
        call.make(
            studio,
            "placing",
            lambda: [
                studio.logo(
                    v,
                    picture,
                    on=on,
                    box=rectangle,
                    surface=surface,
                    flat=flat,
                    size=size,
                    opacity=opacity,
                    blend=blend,
                    shading=shading,
                )
            ],
        )


def layers(
    call: Call,
    v: Version,
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it: a .psd.")
    ],
    no_prompts: Annotated[
        bool, typer.Option("--no-prompts", help="Leave every prompt out of the file.")
    ] = False,
) -> None:
    """Write a version as a PSD of layers, for Photoshop, Krita or GIMP.

    The lowest is the picture that its work began with; each edit since is a layer with its mask.
    'import --of' takes the retouched file back.
    """
    with call.studio() as studio:
        done = studio.export_layers(v, output, prompts=not no_prompts)
    if call.json:
        call.voice.emit(
            {
                "file": str(done.path),
                "layers": list(done.layers),
                "bytes": done.bytes,
                "digest": done.digest,
            }
        )
        return
    call.voice.line(f"written: {done.path}, {bytes_in_words(done.bytes)}")
    for name in reversed(done.layers):
        call.voice.line(f"  {name}")
    call.voice.hint(f"maquette import {done.path} --of {v}")


def networks(call: Call) -> None:
    """List the networks that enlarge pictures and that restore, find and tell apart faces.

    Needs no project.

    They are files of MAQUETTE_MODELS/upscalers, /restorers, /detectors and /recognisers.
    """
    from maquette.engines.learned.catalogue import networks as at_hand

    models = read_settings().models
    found = [
        (kind, each)
        for kind in ("upscalers", "restorers", "detectors", "recognisers")
        for each in at_hand(kind, models)
    ]
    if call.json:
        for kind, each in found:
            call.voice.emit(
                {
                    "name": each.name,
                    "kind": kind,
                    "family": _family(each),
                    "scale": each.shape.scale if each.shape else None,
                    "path": str(each.path),
                    "digest": None if each.problem else each.ref.digest,
                    "problem": each.problem,
                }
            )
        return
    if not found:
        call.voice.show(text("no networks at hand"))
        call.voice.hint("set MAQUETTE_MODELS to a folder with upscalers, restorers, …")
        return
    grid = table("network", "kind", "family", "enlarges", "digest", "")
    for kind, each in found:
        grid.add_row(
            text(each.name, "bold"),
            text(kind),
            text(_family(each) or "–"),
            text(f"{each.shape.scale} times" if each.shape else "–"),
            text("–" if each.problem else each.ref.digest[:10]),
            text(each.problem, "yellow"),
        )
    call.voice.show(grid)


def _family(network: Found) -> str | None:
    if network.problem:
        return None
    return network.shape.family if network.shape else network.finder or "onnx"


def _read_curve(text: str) -> tuple[str, list[tuple[float, float]]]:
    """``red:0,0 0.5,0.6 1,1`` as a channel and its points.

    Raises:
        typer.BadParameter: for any other form.
    """
    channel, colon, points = text.rpartition(":")
    return channel.strip() if colon else "all", _points(points, "--curve", text)


def _read_surface(corners: str | None, arc: float, bend: float) -> Surface | None:
    if corners is None:
        if arc or bend:
            raise typer.BadParameter("--arc and --bend go with --corners")
        return None
    from maquette.operations import surface

    return surface(_points(corners, "--corners", corners), arc=arc, bend=bend)


def _read_stand(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        x, y, tall = (float(part) for part in text.split(","))
    except ValueError:
        x = y = tall = math.nan
    if not all(map(math.isfinite, (x, y, tall))):
        raise typer.BadParameter(
            f"{text!r} is not X,Y,H, such as 0.5,0.9,0.6", param_hint="--stand"
        )
    return x, y, tall


def _read_place(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    [(x, y), *more] = _points(text, "--at", text)
    if more or not (x.is_integer() and y.is_integer()):
        raise typer.BadParameter(f"{text!r} is not X,Y, such as 40,20", param_hint="--at")
    return int(x), int(y)


def _points(text: str, option: str, given: str) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for pair in text.split():
        try:
            x, y = (float(number) for number in pair.split(","))
        except ValueError:
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            raise typer.BadParameter(
                f"{given!r} is not a row of points, such as '0,0 0.5,0.6 1,1'", param_hint=option
            )
        found.append((x, y))
    if not found:
        raise typer.BadParameter(f"{given!r} has no points", param_hint=option)
    return found


COMMANDS = (retouch, upscale, restore, logo, composite, layers, networks)
