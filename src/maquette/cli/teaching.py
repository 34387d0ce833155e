"""Commands that teach a model something new: curate a dataset, train, see what came of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maquette.cli.call import Call
from maquette.cli.options import EngineName, ModelName

if TYPE_CHECKING:
    from maquette.core.dataset import Dataset, Entry
    from maquette.core.geometry import Box
    from maquette.stages.teaching import Progressed, Report

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Teach"

_SAID = re.compile(r"(?P<number>\d+)=(?P<text>.*)", re.DOTALL)
_CROP = re.compile(r"(\d+),(\d+),(\d+),(\d+)")


def curate(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")],
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURE",
            help="Files, folders or versions to add. A caption is read from NAME.txt beside a file,"
            " from the folder's metadata.jsonl, or from the picture's own prompt.",
        ),
    ] = None,
    *,
    trigger: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="What it will be called (default: the name)."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="What it is in words that the model knows: mascot."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Under which licence the pictures are.")
    ] = None,
    caption: Annotated[
        list[str] | None,
        typer.Option(metavar="N=TEXT", help="What picture N shows. May be repeated."),
    ] = None,
    crop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N=X,Y,W,H", help="The part of picture N that counts; N=none for all of it."
        ),
    ] = None,
    keep: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Learn from picture N whatever was remarked."),
    ] = None,
    drop: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Leave picture N out.")
    ] = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Make a dataset of pictures to learn from, or change what is said of them.

    Duplicates, blurred, empty and too small pictures are left out unless they are kept by number.
    """
    crops = [_numbered(each, "--crop") for each in crop or ()]
    with (
        call.studio(create=True, engine=engine, model=model) as studio,
        call.waiting("looking at the pictures"),
    ):
        dataset = studio.curate(
            name,
            pictures or (),
            trigger=trigger,
            subject=subject,
            licence=licence,
            captions=dict(_numbered(each, "--caption") for each in caption or ()),
            crops={number: _box(said) for number, said in crops},
            keep=keep or (),
            drop=drop or (),
        )
    _show_dataset(call, dataset)


def train(
    call: Call,
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A curated dataset, or a folder of pictures.")
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The adapter's name (default: the dataset's)."),
    ] = None,
    method: Annotated[
        Literal["lora", "dreambooth", "embedding"],
        typer.Option(
            help="A LoRA; one learned with the model's own pictures beside, so that it forgets"
            " less; or a word alone (textual inversion)."
        ),
    ] = "lora",
    trigger: Annotated[
        str | None, typer.Option(metavar="WORD", help="Instead of the dataset's.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Instead of the dataset's.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Steps (default: as usual for the model).")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="X", help="The rate of learning.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Pictures a step.")] = None,
    rank: Annotated[int, typer.Option(metavar="N", help="How much a LoRA may hold.")] = 16,
    layers: Annotated[
        Literal["attention", "all"] | None, typer.Option(help="What of the network a LoRA changes.")
    ] = None,
    prior: Annotated[
        int, typer.Option(metavar="N", help="For dreambooth: pictures of the model's own.")
    ] = 16,
    prior_weight: Annotated[
        float, typer.Option(metavar="X", help="For dreambooth: how much they count.")
    ] = 1.0,
    vectors: Annotated[
        int, typer.Option(metavar="N", help="For embedding: vectors that the word stands for.")
    ] = 4,
    seed: Annotated[int, typer.Option(metavar="N", help="Where chance comes from.")] = 0,
    mirror: Annotated[
        bool, typer.Option("--mirror/--no-mirror", help="Show pictures mirrored as well.")
    ] = True,
    sample: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROMPT", help="A prompt of the sheets, with the trigger. May be repeated."
        ),
    ] = None,
    sheet: Annotated[
        int | None, typer.Option(metavar="N", help="Draw a sheet every N steps; 0 only at the end.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The adapter's licence, if another.")
    ] = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Teach the model what the pictures of a dataset share.

    The adapter goes into the folder of models with a card, a sheet and a prompt guide beside it.
    Interrupted at any moment, the same command goes on.
    """
    from maquette.cli.progress import Bars, interruptible

    with (
        call.studio(create=True, engine=engine, model=model) as studio,
        Bars(call.errors, "learning", 1) as bars,
        interruptible(studio.cancel, call.errors),
    ):
        studio.on_event = bars
        order = studio.orders.train(
            dataset,
            name=name,
            method=method,
            trigger=trigger,
            subject=subject,
            steps=steps,
            rate=rate,
            batch=batch,
            rank=rank,
            layers=layers,
            prior=prior,
            prior_weight=prior_weight,
            vectors=vectors,
            seed=seed,
            mirror=mirror,
            samples=sample,
            sheet_every=sheet,
            licence=licence,
        )
        for remark in order.arguments["remarks"]:
            call.voice.remark(str(remark))
        report = studio.go_on(str(order.arguments["training"]))
        place = studio.models / f"{report.kind}s" / report.name
    if call.json:
        call.voice.emit({**report_record(report), "path": str(place)})
        return
    call.voice.aside(f"{report.name} is in {place}")
    _say_report(call, report)


def trainings(
    call: Call,
    training: Annotated[
        str | None,
        typer.Argument(metavar="TRAINING", help="One by its adapter's name or its digest."),
    ] = None,
    *,
    guide: Annotated[
        bool, typer.Option("--guide", help="Print its prompt guide, as Markdown.")
    ] = False,
    datasets: Annotated[
        bool, typer.Option("--datasets", help="List the datasets instead.")
    ] = False,
) -> None:
    """List what was taught in this project, and how far it is; or one, with its prompt guide."""
    from maquette.cli.output import table, text

    with call.studio() as studio:
        if datasets:
            for name in studio.datasets.names():
                _show_summary(call, studio.dataset(name))
            return
        found = studio.trainings() if training is None else [studio.training(training)]
    if guide:
        for each in found:
            if each.report is not None and not call.json:
                print(each.report.guide)
    if call.json:
        for each in found:
            call.voice.emit(_progress_record(each))
        return
    if guide:
        return
    grid = table("adapter", "kind", "steps", "loss", "identity", "training", right=("steps",))
    for each in found:
        of = each.training
        loss = f"{each.losses[-1][1]:.3f}" if each.losses else ""
        told = each.report.identity if each.report is not None else None
        identity = f"{told.base:.2f} → {told.trained:.2f}" if told is not None else ""
        done = "" if each.report is not None else f"{each.step} of "
        grid.add_row(
            text(of.name, "bold"),
            text(of.method.kind),
            text(f"{done}{of.course.steps}"),
            text(loss),
            text(identity),
            text(of.digest[:10], "dim"),
        )
    call.voice.show(grid)


def export_adapter(
    call: Call,
    adapter: Annotated[str, typer.Argument(metavar="LORA", help="A LoRA by its name or path.")],
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where: a .safetensors file.")
    ],
    layout: Annotated[
        Literal["kohya", "own"],
        typer.Option(help="How its layers are called: as Kohya's scripts do, or as they are."),
    ] = "kohya",
    model: ModelName = None,
) -> None:
    """Write a LoRA for programs that read no other layout than Kohya's.

    Names change and the alpha is said; what it does to the model is the same.
    """
    with call.studio(create=True, model=model) as studio:
        written = studio.export_adapter(adapter, output, layout=layout)
    if call.json:
        call.voice.emit({"path": str(written), "layout": layout, "bytes": written.stat().st_size})
        return
    call.voice.aside(f"{adapter} is in {written}")


def report_record(report: Report) -> dict[str, Any]:
    """A finished training as a flat object."""
    told = report.model_dump(mode="json")
    identity = told.pop("identity") or dict.fromkeys(("base", "trained", "examples"))
    return {**told, "adapter": told["adapter"]["digest"], "identity": identity}


def _progress_record(each: Progressed) -> dict[str, Any]:
    of = each.training
    return {
        "training": of.digest,
        "name": of.name,
        "method": of.method.kind,
        "trigger": of.trigger,
        "examples": len(of.examples),
        "step": each.step,
        "steps": of.course.steps,
        "losses": [list(point) for point in each.losses],
        "sheets": [list(sheet) for sheet in each.sheets],
        "done": each.report is not None,
        "report": None if each.report is None else report_record(each.report),
    }


def _show_dataset(call: Call, dataset: Dataset) -> None:
    if call.json:
        for number, entry in enumerate(dataset.entries, 1):
            call.voice.emit(_entry_record(dataset, number, entry))
        return
    from maquette.cli.output import table, text

    grid = table(
        "", "picture", "size", "sharp", "what a training reads", "remarks", right=("sharp",)
    )
    for number, entry in enumerate(dataset.entries, 1):
        style = "" if entry.used else "dim"
        remarks = "; ".join(remark.message for remark in entry.remarks)
        grid.add_row(
            text(f"{number}{'' if entry.used else ' –'}", style),
            text(entry.source[:24], style),
            text(entry.size, style),
            text(f"{entry.sharpness:.0f}", style),
            text(dataset.caption_of(entry), style),
            text(remarks, style),
        )
    call.voice.show(grid)
    _show_summary(call, dataset)


def _show_summary(call: Call, dataset: Dataset) -> None:
    used, every = len(dataset.used), len(dataset.entries)
    word = dataset.trigger or dataset.name
    of = f" ({dataset.subject})" if dataset.subject else ""
    if call.json:
        for number, entry in enumerate(dataset.entries, 1):
            call.voice.emit(_entry_record(dataset, number, entry))
        return
    call.voice.aside(f"{dataset.name}: {used} of {every} pictures teach '{word}'{of}")


def _entry_record(dataset: Dataset, number: int, entry: Entry) -> dict[str, Any]:
    return {
        "dataset": dataset.name,
        "number": number,
        "source": entry.source,
        "image": entry.image,
        "width": entry.size.width,
        "height": entry.size.height,
        "used": entry.used,
        "caption": entry.caption,
        "told": entry.told,
        "reads": dataset.caption_of(entry),
        "crop": None if entry.box is None else list(_sides(entry.box)),
        "sharpness": entry.sharpness,
        "remarks": [remark.model_dump() for remark in entry.remarks],
    }


def _sides(box: Box) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height


def _say_report(call: Call, report: Report) -> None:
    minutes = report.seconds / 60
    call.voice.aside(
        f"{report.steps} steps in {minutes:.1f} minutes;"
        f" the loss went from {report.loss_first:.3f} to {report.loss_last:.3f}"
    )
    if report.identity is not None:
        told = report.identity
        call.voice.aside(
            f"identity {told.base:.2f} before, {told.trained:.2f} now;"
            f" the pictures themselves {told.examples:.2f}"
        )
    option = "--lora" if report.kind == "lora" else "--embedding"
    word = "" if report.kind == "lora" else f"={report.trigger.lower()}"
    call.voice.hint(f'maquette generate "… {report.trigger} …" {option} {report.name}{word}')


def _numbered(said: str, option: str) -> tuple[int, str]:
    found = _SAID.fullmatch(said)
    if found is None:
        raise typer.BadParameter(
            f"{said!r} is not N=…, such as 3='a mascot by the sea'", param_hint=option
        )
    return int(found["number"]), found["text"]


def _box(said: str) -> Box | None:
    from maquette.core.geometry import Box

    if said.strip().lower() == "none":
        return None
    found = _CROP.fullmatch(said.replace(" ", ""))
    if found is None or not (int(found[3]) and int(found[4])):
        raise typer.BadParameter(f"{said!r} is not X,Y,W,H in pixels", param_hint="--crop")
    x, y, width, height = (int(each) for each in found.groups())
    return Box(x=x, y=y, width=width, height=height)


COMMANDS = (curate, train, trainings, export_adapter)
"""In the order of the help page."""
