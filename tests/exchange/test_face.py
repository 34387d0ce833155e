"""The package's face: every public name is there, and loading it costs nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import maquette.exchange


def test_every_public_name_is_there() -> None:
    for name in maquette.exchange.__all__:
        assert getattr(maquette.exchange, name)
    assert dir(maquette.exchange) == maquette.exchange.__all__


def test_importing_it_loads_no_signing_library() -> None:
    code = "import sys, maquette.exchange; print('c2pa' in sys.modules, 'PIL' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]
