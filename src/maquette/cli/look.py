"""Commands that only look: token maps, masks, the log, one version."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maquette.cli.call import Call
from maquette.cli.options import (
    Caption,
    EngineName,
    ModelName,
    Version,
    read_box,
    read_number,
    read_polygon,
    read_size,
)
from maquette.cli.output import SEVERITY, table, text, write_picture
from maquette.cli.records import found_record, log_record, number, picture_file, show_record
from maquette.cli.refs import complete_version
from maquette.cli.steering import steered_by
from maquette.cli.words import age, one_line, shorten

if TYPE_CHECKING:
    from maquette.core.version import Version as Made
    from maquette.stages.heatmap import Heat
    from maquette.studio import Studio

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Look"


def heatmap(
    call: Call,
    v: Version,
    *,
    token: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only this word or phrase.")
    ] = None,
    caption: Caption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="Where to write it. Several words: a folder, or a name with {token} in it.",
        ),
    ] = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Show which places of a picture answered to which word."""
    with call.studio(engine=engine, model=model) as studio:
        version = studio.version(v)
        with call.waiting("looking"):
            heats = studio.heatmap(version, token, caption=caption)
    files = _map_files(heats, output)
    for heat, file in zip(heats, files, strict=True):
        if file is not None:
            write_picture(heat.image, file)
        if call.json:
            call.voice.emit(
                {
                    "token": heat.token,
                    "share": number(heat.share),
                    "peak": list(heat.peak),
                    "file": str(file) if file is not None else None,
                }
            )
    if call.json:
        return
    grid = table("word", "share", "", "hottest at", right=("share",))
    for heat in heats:
        grid.add_row(
            text(heat.token),
            text(f"{heat.share:.1%}"),
            text("█" * max(1, round(heat.share * 40)), "dim"),
            text(f"{heat.peak[0]},{heat.peak[1]}"),
        )
    call.voice.show(grid)
    for file in files:
        if file is not None:
            call.voice.line(f"written: {file}")
    if heats and output is None:
        strongest = max(heats, key=lambda heat: heat.share).token
        call.voice.hint(f"maquette heatmap {v} --token {shlex.quote(strongest)} -o map.png")


def mask(
    call: Call,
    v: Version,
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write the mask.")
    ],
    box: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="A rectangle, in pixels.")
    ] = None,
    polygon: Annotated[
        str | None,
        typer.Option(metavar="X,Y X,Y X,Y ...", help="Corners, in pixels; quoted or not."),
    ] = None,
    token: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Where this word or phrase is.")
    ] = None,
    caption: Caption = None,
    threshold: Annotated[
        float,
        typer.Option(
            metavar="X",
            callback=read_number,
            help="How much of its hottest place counts as the word, 0.05 to 0.95.",
        ),
    ] = 0.5,
    grow: Annotated[
        int, typer.Option(metavar="N", help="Grow by so many pixels; negative shrinks.")
    ] = 0,
    feather: Annotated[
        int, typer.Option(metavar="N", help="Soften the edge by so many pixels.")
    ] = 0,
    invert: Annotated[bool, typer.Option("--invert", help="Everything else instead.")] = False,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Write a mask, white = edit, from a box, a polygon or a word."""
    rectangle, corners = read_box(box), read_polygon(polygon)
    if sum(way is not None for way in (rectangle, corners, token)) != 1:
        raise typer.BadParameter("give one of --box, --polygon and --token")
    with call.studio(engine=engine, model=model) as studio:
        version = studio.version(v)
        with call.waiting("looking"):
            image = studio.mask(
                version,
                box=rectangle,
                polygon=corners,
                token=token,
                caption=caption,
                threshold=threshold,
                grow=grow,
                feather=feather,
                invert=invert,
            )
    write_picture(image, output)
    total = image.width * image.height
    pixels = total - image.histogram()[0]
    if call.json:
        call.voice.emit({"file": str(output), "pixels": pixels, "share": number(pixels / total)})
        return
    call.voice.line(f"written: {output}, {pixels:,} pixels ({pixels / total:.1%})")
    call.voice.hint(f'maquette inpaint {v} --mask {shlex.quote(str(output))} --prompt "…"')


def control(
    call: Call,
    picture: Annotated[
        str, typer.Argument(metavar="PICTURE", help="A file, or a version of the project.")
    ],
    *,
    kind: Annotated[
        Literal["canny", "lineart", "scribble", "tile", "depth", "pose"],
        typer.Option(help="What the map shows; depth and pose need an estimator."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write the map.")
    ],
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="At this size, cut to its shape (default: its own)."),
    ] = None,
) -> None:
    """Write a control map of a picture, to be looked at, painted over, and used with --control.

    A file needs no project.
    """
    from maquette.core.geometry import Size
    from maquette.core.picture import decode_picture
    from maquette.engines.preprocess import estimate
    from maquette.operations.controls import PURE, make_map
    from maquette.studio.desk import read_file
    from maquette.studio.steering import fitted

    wanted = read_size(size)
    if Path(picture).is_file():
        data, name = read_file(picture)
        image = decode_picture(data, name=name)
        if wanted is not None:
            image = fitted(image, Size(width=wanted[0], height=wanted[1]))
        made = make_map(image, kind) if kind in PURE else estimate(image, kind)
    else:
        with call.studio() as studio:
            made = studio.control_map(picture, kind, size=wanted)
    write_picture(made, output)
    if call.json:
        call.voice.emit({"file": str(output), "width": made.width, "height": made.height})
        return
    call.voice.line(f"written: {output}, {made.width}x{made.height}")
    call.voice.hint(f'maquette generate "…" --control {kind}={shlex.quote(str(output))}')


def log(
    call: Call,
    v: Annotated[
        str | None,
        typer.Argument(
            metavar="V", help="Only what this came from.", autocompletion=complete_version
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most so many, the newest.")
    ] = None,
) -> None:
    """List versions as a graph, newest first."""
    from maquette.cli.lanes import NODE, draw_lanes

    with call.studio() as studio:
        versions = studio.log(limit=limit) if v is None else studio.chain(v)[::-1][:limit]
        if call.json:
            for version in versions:
                call.voice.emit(log_record(studio, version))
            return
        if not versions:
            call.voice.show(text("no versions yet"))
            call.voice.hint('maquette generate "a wolf under a full moon"')
            return
        known = {version.id: version for version in versions}
        shown = [(version.id, version.parents) for version in versions]
        plain = "utf" not in (call.voice.out.encoding or "").lower()
        for lane, name in draw_lanes(shown, ascii_only=plain):
            line = text("")
            for letter in lane:
                line.append(letter, "bold" if letter in {NODE, "*"} else "dim")
            if name is not None:
                version = known[name]
                worst = next(iter(studio.findings(version)), None)
                line.append(f" {version.short}  ", "bold")
                line.append(f"{version.operation:<9}")
                line.append_text(text(f" {_told(studio, version)}"))
                line.append(f"  {age(version.created_at)}", "dim")
                if worst is not None and worst.severity != "note":
                    line.append("  ●" if not plain else "  !", SEVERITY[worst.severity])
            call.voice.line(line)


def find(
    call: Call,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="In the prompt or the name, or how the id begins."),
    ] = None,
    *,
    shows: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the picture shows, in words; best first."),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            help="More like this version, or like a picture's file; best first.",
            autocompletion=complete_version,
        ),
    ] = None,
    starred: Annotated[bool, typer.Option("--starred", help="Only those with a star.")] = False,
    rating: Annotated[
        Literal["1", "2", "3", "4", "5", "x"] | None,
        typer.Option(help="Only those with so many stars or more, or the rejected ones (x)."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="At most so many.")] = 20,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Find versions by words, stars and ratings, and by what their pictures show.

    A picture is looked at once, by the CLIP that the model brings or MAQUETTE_CLIP names.
    """
    from maquette.cli.progress import counting, interruptible

    if shows is not None and like is not None:
        raise typer.BadParameter("give one of --shows and --like")
    if shows is not None and not shows.strip():
        raise typer.BadParameter("what is it to show?", param_hint="--shows")
    filters: dict[str, Any] = {"q": " ".join(words or ()), "starred": starred, "rating": rating}
    unknown: tuple[str, ...] = ()
    with call.studio(engine=engine, model=model) as studio:
        if shows is None and like is None:
            found = [(entry, None) for entry in studio.page(limit, **filters)]
        else:
            file = Path(like) if like is not None and Path(like).is_file() else like
            with (
                counting(call.errors, "looking at pictures") as tell,
                interruptible(studio.cancel, call.errors),
            ):
                seen = studio.find(shows or "", like=file, limit=limit, tell=tell, **filters)
            found = [(match.entry, match.score) for match in seen.matches]
            unknown = seen.unknown
        for word in unknown:
            call.voice.remark(f"the model never saw '{word}'")
        if call.json:
            for entry, score in found:
                call.voice.emit(found_record(studio, entry, score))
            return
        if not found:
            call.voice.show(text("nothing found"))
            return
        ranked = found[0][1] is not None
        grid = table("version", *(("likeness",) if ranked else ()), "", "", right=("likeness",))
        for entry, score in found:
            stars = "x" if entry.labels.rating == "x" else "*" * int(entry.labels.rating or 0)
            told = entry.labels.name or _told(studio, entry.version)
            grid.add_row(
                text(entry.version.short, "bold"),
                *((text(f"{score:.2f}"),) if score is not None else ()),
                text(told),
                text(f"{stars} {age(entry.version.created_at)}".strip(), "dim"),
            )
        call.voice.show(grid)
    if shows is not None:
        call.voice.hint(f"maquette find --like {found[0][0].version.short}")


def show(call: Call, v: Version) -> None:
    """Tell everything about one version."""
    from rich.panel import Panel

    with call.studio() as studio:
        version = studio.version(v)
        record = show_record(studio, version)
        if call.json:
            call.voice.emit(record)
            return
        grid = table("", "")
        grid.show_header = False
        for name, value in _facts(version, record):
            grid.add_row(text(name, "dim"), text(value))
        for finding in studio.findings(version):
            grid.add_row(
                text(finding.name, SEVERITY[finding.severity]),
                text(
                    finding.message
                    + (f" → {finding.suggestion.says}" if finding.suggestion else "")
                ),
            )
        title = text(f" {version.short} · {version.operation} ", "bold")
        call.voice.show(Panel(grid, title=title, title_align="left", border_style="dim"))
        file = picture_file(studio, version.image)
        if file is not None:
            call.voice.line(text(file, "dim"))


def _facts(version: Made, record: dict[str, Any]) -> list[tuple[str, str]]:
    recipe = version.recipe
    facts = [("id", version.id)]
    if recipe.prompt is not None:
        facts.append(("prompt", recipe.prompt.text))
        if recipe.prompt.negative:
            facts.append(("not", recipe.prompt.negative))
        facts.append(("read as", recipe.prompt.interpreter))
    facts.append(("size", f"{version.size} pixels"))
    if recipe.sampling is not None:
        s = recipe.sampling
        facts.append(("seed", str(s.seed)))
        facts.append(("sampling", f"{s.sampler}, {s.steps} steps, guidance {s.guidance:g}"))
    model = f" · {recipe.model.name} {recipe.model.digest[:10]}" if recipe.model else ""
    facts.append(("engine", recipe.engine + model))
    facts.append(("build", version.build))
    facts.append(("task", _task(record["recipe"]["task"])))
    facts += [("steered by", steered_by(each)) for each in recipe.conditionings]
    for parent in version.parents:
        facts.append(("from", parent[:10]))
    for child in record["children"]:
        facts.append(("led to", child[:10]))
    facts.append(("made", f"{version.created_at:%Y-%m-%d %H:%M:%S} UTC, {age(version.created_at)}"))
    facts.append(("took", f"{version.cost.seconds:.2f} s"))
    facts.append(("recipe", recipe.digest[:10]))
    return facts


def _task(task: dict[str, Any]) -> str:
    def said(value: Any) -> str:
        if isinstance(value, dict):
            return ",".join(str(item) for item in value.values())
        return str(value)[:10] if isinstance(value, str) else str(value)

    rest = [f"{key} {said(value)}" for key, value in task.items() if key != "kind" and value]
    return ", ".join([task["kind"], *rest])


def _told(studio: Studio, version: Made) -> str:
    """What a version is about, in few words: what changed in the prompt, or the prompt."""
    task = version.recipe.task
    if version.operation == "rollback" and version.parents:
        return f"to {version.parents[0][:10]}"
    match task.kind:
        case "upscale":
            return f"{task.scale:g}x"
        case "outpaint":
            sides = {name: getattr(task, name) for name in ("left", "top", "right", "bottom")}
            return ", ".join(f"{name} {pixels}" for name, pixels in sides.items() if pixels)
        case _:
            pass
    own = version.recipe.prompt
    if own is None:
        return ""
    before = studio.version(version.parents[0]).recipe.prompt if version.parents else None
    if before is None:
        return shorten(one_line(own.text), 60)
    return shorten(one_line(_changes(before.text, own.text)), 60)


def _changes(before: str, after: str) -> str:
    """``moon 1.4, +snow, -fog``: what a prompt lost, gained and weighs anew."""
    from maquette.core.grammar import changed_words

    changed = changed_words(before, after)
    parts = [f"{word} {weight:g}" for word, _, weight in changed["reweighted"]]
    parts += [f"+{word}" for word in changed["added"]]
    parts += [f"-{word}" for word in changed["removed"]]
    return ", ".join(parts)


def _map_files(heats: list[Heat], output: Path | None) -> list[Path | None]:
    """Where each map goes. One map: the file that was named. Several: a folder or a pattern.

    Raises:
        typer.BadParameter: several maps and one file's name.
    """
    if output is None:
        return [None for _ in heats]
    pattern = "{token}" in output.name
    folder = output.is_dir() or not output.suffix
    if len(heats) == 1 and not pattern and not folder:
        return [output]
    if not pattern and not folder:
        raise typer.BadParameter(
            f"{len(heats)} words need a folder or a name with {{token}} in it, not {output}",
            param_hint="-o",
        )
    files: list[Path | None] = []
    for heat in heats:
        stem = re.sub(r"[^\w-]+", "-", heat.token).strip("-") or "token"
        for again in range(1, len(heats) + 1):
            name = stem if again == 1 else f"{stem}-{again}"
            file = (
                output.with_name(output.name.replace("{token}", name))
                if pattern
                else output / f"{name}.png"
            )
            if file not in files:
                files.append(file)
                break
    return files


COMMANDS = (log, find, show, heatmap, mask, control)
