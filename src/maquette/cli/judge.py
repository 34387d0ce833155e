"""Commands that weigh versions, and carry out what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.call import Call
from maquette.cli.options import EngineName, FindingName, ModelName, Output, Version
from maquette.cli.output import SEVERITY, table, text, write_picture
from maquette.cli.records import finding_record, number
from maquette.cli.refs import complete_version

if TYPE_CHECKING:
    from maquette.stages.compare import Comparison

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Judge"


def critique(call: Call, v: Version) -> None:
    """Let every critic look at a version."""
    with call.studio() as studio:
        version = studio.version(v)
        with call.waiting("looking"):
            findings = studio.critique(version)
        if call.json:
            for finding in findings:
                call.voice.emit(finding_record(finding, whole=True))
            return
        if not findings:
            call.voice.show(text(f"{version.short}: nothing to remark"))
            return
        grid = table("finding", "says", "remedy")
        for finding in findings:
            remedy = finding.suggestion.says if finding.suggestion else "–"
            grid.add_row(
                text(finding.name, SEVERITY[finding.severity]), text(finding.message), text(remedy)
            )
        call.voice.show(grid)
        first = next((each for each in findings if each.suggestion), None)
        if first is not None:
            call.voice.hint(f"maquette apply {version.short} {first.name}")


def select(
    call: Call,
    versions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[V]...",
            help="Versions to choose among (default: every one that was drawn from words alone).",
            autocompletion=complete_version,
        ),
    ] = None,
    *,
    n: Annotated[int, typer.Option("-n", metavar="N", help="How many to suggest.")] = 5,
) -> None:
    """Rank drafts, and suggest a few that are good and unlike one another."""
    with call.studio() as studio:
        among = versions or [
            version.id
            for version in studio.log()
            if version.recipe.task.kind == "text-to-image" and version.operation != "rollback"
        ]
        with call.waiting("looking"):
            picks = studio.select(among, n)
    if call.json:
        for pick in picks:
            call.voice.emit(
                {
                    "version": pick.version.id,
                    "score": number(pick.score),
                    "focus": number(pick.focus),
                    "technique": pick.technique,
                    "faults": number(pick.faults),
                    "suggested": pick.suggested,
                    "reason": pick.reason,
                }
            )
        return
    grid = table("version", "score", "suggested", "why", right=("score", "suggested"))
    for pick in picks:
        grid.add_row(
            text(pick.version.short, "bold" if pick.suggested else ""),
            text(f"{pick.score:.2f}"),
            text(pick.suggested or "–"),
            text(pick.reason),
        )
    call.voice.show(grid)


def apply(
    call: Call,
    v: Version,
    finding: FindingName,
    *,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Carry out what a finding suggests."""
    with call.studio(engine=engine, model=model) as studio:
        call.make(studio, "mending", lambda: [studio.apply(v, finding)])


def compare(call: Call, a: Version, b: Version, output: Output = None) -> None:
    """Say what changed from one version to another; -o writes before, after and difference."""
    with call.studio() as studio:
        before, after = studio.version(a), studio.version(b)
        result = studio.compare(before, after)
    if output is not None:
        write_picture(result.sheet, output)
    if call.json:
        call.voice.emit(
            {
                "changed_pixels": result.changed_pixels,
                "psnr": number(result.psnr),
                "ssim": number(result.ssim),
                "faces": number(result.faces),
                "words": result.words,
                "parameters": {name: list(pair) for name, pair in result.parameters.items()},
                "heat": [
                    {"token": h.token, "before": number(h.before), "after": number(h.after)}
                    for h in result.heat
                ],
                "file": str(output) if output is not None else None,
            }
        )
        return
    _show_comparison(call, result, before.size.width * before.size.height)
    if output is not None:
        call.voice.line(f"written: {output}")


def replay(call: Call, v: Version, *, model: ModelName = None) -> None:
    """Run a version's recipe again and say whether the same picture comes."""
    from maquette.cli.progress import interruptible

    with call.studio(model=model) as studio, interruptible(studio.cancel, call.errors):
        version = studio.version(v)
        with call.waiting("drawing it again"):
            result = studio.replay(version)
    if call.json:
        call.voice.emit(
            {
                "verdict": result.verdict,
                "psnr": number(result.psnr, 2),
                "reasons": list(result.reasons),
            }
        )
        return
    style = {"exact": "bold green", "close": "bold yellow", "different": "bold red"}
    line = text(result.verdict, style[result.verdict])
    if result.psnr is not None:
        line.append(f"  {result.psnr:.1f} dB", style="dim")
    call.voice.show(line, *(text(f"  {reason}") for reason in result.reasons))


def _show_comparison(call: Call, result: Comparison, pixels: int) -> None:
    from maquette.critics.faces import ALIKE

    share = result.changed_pixels / pixels if pixels else 0.0
    nearness = "alike" if result.psnr is None else f"{result.psnr:.1f} dB"
    grid = table("", "")
    grid.show_header = False
    grid.add_row(
        text("pixels", "dim"), text(f"{result.changed_pixels:,} changed ({min(share, 1):.1%})")
    )
    grid.add_row(text("nearness", "dim"), text(f"{nearness}, SSIM {result.ssim:.3f}"))
    if result.faces is not None:
        same = "one person's" if result.faces >= ALIKE else "two persons'"
        grid.add_row(text("faces", "dim"), text(f"likeness {result.faces:.2f}, as {same}"))
    for what, words in result.words.items():
        if words:
            grid.add_row(text(what, "dim"), text(", ".join(_word(word) for word in words)))
    other_task = "task.kind" in result.parameters
    for name, (old, new) in result.parameters.items():
        if other_task and name.startswith("task.") and name != "task.kind":
            continue  # two tasks have no parameters in common
        grid.add_row(text(name, "dim"), text(f"{_value(old)} → {_value(new)}"))
    for heat in result.heat:
        if abs(heat.after - heat.before) >= 0.005:
            grid.add_row(
                text(f"attention of {heat.token}", "dim"),
                text(f"{heat.before:.1%} → {heat.after:.1%}"),
            )
    call.voice.show(grid)


def _word(word: str | list[Any]) -> str:
    """A word, or one with its two weights."""
    return word if isinstance(word, str) else f"{word[0]} {word[1]:g} → {word[2]:g}"


def _value(value: Any) -> str:
    if value is None:
        return "–"
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    is_digest = len(shown) == 64 and set(shown) <= set("0123456789abcdef")
    return shown[:10] if is_digest else shown


COMMANDS = (select, critique, apply, compare, replay)
