"""``maquette mcp``: an assistant that starts Maquette by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from maquette.cli.records import KEYS

from .conftest import Maquette


def test_what_an_assistant_needs_is_printed(maquette: Maquette) -> None:
    told = json.loads(maquette("mcp", "--setup").out)["mcpServers"]["maquette"]
    assert told["command"] == sys.executable and told["args"][:3] == ["-m", "maquette", "mcp"]
    (record,) = maquette("mcp", "--setup", "--json", "--project", "here").records
    assert record.keys() == KEYS["mcp"].keys() and "--project" in record["args"]


def test_an_assistant_draws_over_standard_input_and_output(tmp_path: Path) -> None:
    """With the worker that the command starts by itself."""

    async def draw() -> Any:
        settings = {"MAQUETTE_ENGINE": "fake", "MAQUETTE_HOME": str(tmp_path / "home")}
        arguments = ["-m", "maquette", "mcp", "--projects", str(tmp_path / "projects")]
        arguments += ["--exports", str(tmp_path / "out")]
        started = StdioServerParameters(command=sys.executable, args=arguments, env=settings)
        async with Client(started) as client:
            made = await client.call_tool("generate", {"prompt": "a red boat", "quality": "draft"})
            exported = await client.call_tool("export", {})
            return made, exported

    made, exported = anyio.run(draw)
    assert [each.type for each in made.content] == ["text", "image"], made.content
    (file,) = (tmp_path / "out").iterdir()
    assert exported.structured_content["path"] == str(file)
