"""Help comes quickly, and the handbook's page says what help says."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest
import typer

from maquette import __version__, errors
from maquette.cli import options, program
from maquette.cli.records import KEYS
from maquette.cli.reference import PAGE, write_reference
from maquette.core.capabilities import Quality
from maquette.core.recipe import Interpreter, Sampling

from .conftest import Maquette

HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "PIL",
    "pydantic",
    "sqlalchemy",
    "cv2",
    "fastapi",
)


def commands() -> dict[str, Any]:
    return dict(program().commands)


def test_every_command_of_the_contract_is_there() -> None:
    assert commands().keys() == KEYS.keys() - {"error"}
    assert len(commands()) >= 27


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from maquette.cli import main; code = main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[] 0"
    assert "generate" in done.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, maquette; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_module_runs_like_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "maquette", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"maquette {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_without_a_command_there_is_help(maquette: Maquette, arguments: list[str]) -> None:
    said = maquette(*arguments)
    assert said.code == 0
    assert "Usage: maquette" in said.out


@pytest.mark.parametrize("name", sorted(KEYS.keys() - {"error"}))
def test_every_command_has_help(maquette: Maquette, name: str) -> None:
    said = maquette(name, "--help")
    assert said.code == 0
    assert f"maquette {name}" in said.out
    assert "--json" in said.out


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_reference(), "run 'make docs'"


def test_the_page_names_every_command_option_key_and_exit_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, command in commands().items():
        section = page.split(f"### maquette {name}\n")[1].split("\n### ")[0]
        for parameter in command.get_params(typer.Context(command)):
            if parameter.param_type_name == "argument":
                assert f"**{parameter.metavar}**" in section
            else:
                assert all(f"`{option}`" in section for option in parameter.opts)
                assert parameter.help
    for name, keys in KEYS.items():
        section = page.split(f"### JSON of `{name}`\n")[1].split("\n### ")[0]
        assert all(f"| `{key}` |" in section for key in keys)
    for reason in errors.__all__:
        code = getattr(errors, reason).exit_code
        assert reason == "MaquetteError" or f"| {code} | {reason} |" in page


def test_choices_are_those_of_the_core() -> None:
    def choices(annotation: Any) -> set[str]:
        first = get_args(annotation)[0]
        nested = [get_args(each) for each in get_args(first)]
        flat = [item for group in nested for item in group] or list(get_args(first))
        return {item for item in flat if isinstance(item, str)}

    sampler = Sampling.model_fields["sampler"].annotation
    assert choices(options.Quality) == set(get_args(Quality))
    assert choices(options.Interpreter) == set(get_args(Interpreter))
    assert choices(options.Sampler) == set(get_args(sampler))
