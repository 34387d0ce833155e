"""Writes docs/cli.md from the commands themselves: ``python -m maquette.cli.reference``. The tables
of docs/prompts.md come along.

With ``--check`` nothing is written; the exit code is 1 when the page is not what it should be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from maquette import errors
from maquette.cli import program
from maquette.cli.faults import BROKEN_PIPE
from maquette.cli.handbook import PROMPTS, write_prompts
from maquette.cli.records import KEYS

__all__ = ["PAGE", "write_reference"]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"

INTRODUCTION = """# The command line

<!-- Written by `python -m maquette.cli.reference`; change the code, not this page. -->

`maquette COMMAND --help` says the same as this page.

**V** is a version: its id, a unique prefix of it, `@` for the newest, `@~2` for the second before
it. A **project** is a folder; `generate` and `import` make one where there is none, every other
command that needs one says so. `--project DIR` and `--json` may stand before or after the command.

Results go to stdout; progress, remarks and errors go to stderr. Progress bars are shown only on a
terminal. Ctrl-C stops after the step being drawn and keeps what is finished; a second one stops at
once.

Tab completion, also of version ids and finding names: `maquette --install-completion`.
"""

ENVIRONMENT = """## Environment

| variable | what it sets |
|---|---|
| `MAQUETTE_PROJECT` | the project's folder (default: the current folder) |
| `MAQUETTE_PROJECTS` | where `studio` keeps its projects (default: \
`~/.local/share/maquette/projects`) |
| `MAQUETTE_TOKEN` | what who connects to `studio` must know |
| `MAQUETTE_ENGINE` | the engine (default: `diffusers`) |
| `MAQUETTE_MODEL` | the model, by name, folder or safetensors file (default: `postcard`) |
| `MAQUETTE_MODELS` | a folder with more models; what is trained goes there too (default: \
`~/.local/share/maquette/models`) |
| `MAQUETTE_HOME` | where your own things live: the signing key (default: `~/.config/maquette`) |
| `MAQUETTE_THREADS` | processor threads for drawing (default: 0, as many as there are cores) |
| `MAQUETTE_DEVICE` | where local models draw: `cpu` (default), `cuda`, `auto` |
| `MAQUETTE_DTYPE` | their numbers: `float32`, `bfloat16`, `float16`, `auto` (default; \
half precision on an accelerator) |
| `MAQUETTE_OFFLOAD` | what waits outside an accelerator's memory: `none`, `parts`, `layers`, \
`auto` (default) |
| `MAQUETTE_TILES` | decode in tiles: `on`, `off`, `auto` (default; where models are offloaded) |
| `MAQUETTE_COMPILE` | `1` compiles the network: a slow first picture, quicker ones after |
| `MAQUETTE_TOGETHER` | pictures drawn at a time (default: one on a processor, eight elsewhere) |
| `MAQUETTE_JUDGE` | a folder with a judge (`judge.json`, `judge.safetensors`), for models that \
bring none |
| `MAQUETTE_CLIP` | a folder with a CLIP (as transformers writes one), to search pictures by what \
they show with models that bring none |
| `MAQUETTE_BUDGET` | what services may bill for a project in all, in US dollars |
| `MAQUETTE_A1111_URL`, `MAQUETTE_COMFYUI_URL`, `MAQUETTE_OPENAI_URL`, `MAQUETTE_REPLICATE_URL`, \
`MAQUETTE_HUGGINGFACE_URL`, `MAQUETTE_FIREFLY_URL`, `MAQUETTE_REMOTE_URL` | where a service is, \
if elsewhere than usual |
| `MAQUETTE_COMFYUI_WORKFLOW` | a workflow of your own for `--engine comfyui` |
| `MAQUETTE_DEBUG` | `1` shows tracebacks |
| `NO_COLOR` | set to anything: no colours |
"""

JSON = """## JSON

With `--json` a command prints one JSON object a line on stdout and nothing else: one for each
version, word, finding, check or file. Keys are stable: none is renamed or removed, some may be
added. An error is one JSON line on stderr, the last one; remarks before it begin with `maquette:`.
"""

EXITS = """## Exit codes

| code | reason | what happened |
|---|---|---|
| 0 | | done |
| 1 | | an unforeseen fault, with the details in a log file that the message names; or `doctor` \
found something to mend; or `verify` found credentials that do not hold |
| 2 | UsageError | a wrong option or a malformed value |
"""


def write_reference() -> str:
    """The whole page as Markdown."""
    group = program()
    context = typer.Context(group, info_name="maquette")
    lines = [INTRODUCTION, *_options(group, context, "Options before the command")]
    panel = ""
    for name, command in group.commands.items():
        if command.rich_help_panel != panel:
            panel = command.rich_help_panel
            lines.append(f"## {panel}\n")
        lines.extend(_command(name, command, context))
    lines.append(JSON)
    for name, keys in KEYS.items():
        lines.append(f"### JSON of `{name}`\n")
        lines.append("| key | what it says |\n|---|---|")
        lines.extend(f"| `{key}` | {_cell(says)} |" for key, says in keys.items())
        lines.append("")
    lines.append(EXITS.rstrip("\n"))
    lines.extend(_exits())
    lines.append(f"| {BROKEN_PIPE} | | the reader of the output has gone; nothing is said |\n")
    lines.append(ENVIRONMENT)
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(name: str, command: Any, parent: typer.Context) -> Iterator[str]:
    context = typer.Context(command, info_name=name, parent=parent)
    yield f"### maquette {name}\n"
    yield f"{command.help}\n"
    pieces = " ".join(_usage(parameter) for parameter in command.params if _is_argument(parameter))
    needed = " ".join(
        f"{parameter.opts[0]} {parameter.metavar}"
        for parameter in command.params
        if not _is_argument(parameter) and parameter.required
    )
    usage = " ".join(part for part in ("maquette", name, pieces, needed, "[OPTIONS]") if part)
    yield f"```\n{usage}\n```\n"
    arguments = [parameter for parameter in command.params if _is_argument(parameter)]
    for argument in arguments:
        yield f"- **{argument.metavar}**: {argument.help}"
    if arguments:
        yield ""
    yield from _options(command, context, "")


def _options(command: Any, context: typer.Context, title: str) -> Iterator[str]:
    if title:
        yield f"## {title}\n"
    yield "| option | what it does |\n|---|---|"
    for parameter in command.get_params(context):
        if _is_argument(parameter) or parameter.hidden:
            continue
        names = ", ".join(f"`{name}`" for name in parameter.opts)
        kind = "" if parameter.is_bool_flag else _kind(parameter, context)
        extra = " Required." if parameter.required else _default(parameter)
        yield f"| {names}{kind} | {_cell(parameter.help or '')}{extra} |"
    yield ""


def _kind(parameter: Any, context: typer.Context) -> str:
    return f" {_cell(parameter.display_type_rich(context).strip('<>'))}"


def _default(parameter: Any) -> str:
    shown = parameter.default not in (None, "", False) and not parameter.is_bool_flag
    return f" Default: {parameter.default}." if shown else ""


def _usage(argument: Any) -> str:
    return argument.metavar if argument.required else f"[{argument.metavar}]"


def _is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def _exits() -> Iterator[str]:
    reasons = [getattr(errors, name) for name in errors.__all__]
    for reason in sorted(reasons, key=lambda each: each.exit_code):
        if reason is not errors.MaquetteError:
            says = _cell((reason.__doc__ or "").split("\n")[0])
            yield f"| {reason.exit_code} | {reason.__name__} | {says} |"


def _cell(words: str) -> str:
    return words.replace("``", "`").replace("|", "\\|")


def _main(arguments: Sequence[str]) -> int:
    pages = {PAGE: write_reference(), PROMPTS: write_prompts(PROMPTS.read_text(encoding="utf-8"))}
    stale = [
        path
        for path, page in pages.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != page
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"docs/{path.name} is stale; run 'make docs'", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
