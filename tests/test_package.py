"""The package's public face is what it says, and quick to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import maquette


def test_all_is_the_truth() -> None:
    assert set(maquette.__all__) == set(dir(maquette))
    for name in maquette.__all__:
        assert getattr(maquette, name) is not None


def loaded(code: str, *names: str) -> list[str]:
    """Which of these modules a fresh interpreter holds after running the code."""
    ask = f"{code}; import sys; print(*sorted({set(names)!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return out.stdout.split()


def test_importing_it_loads_nothing_heavy() -> None:
    assert loaded("import maquette", "torch", "numpy", "PIL", "pydantic") == []


def test_opening_a_studio_does_not_load_torch(tmp_path: Path) -> None:
    code = (
        "import maquette;"
        f"maquette.Studio({str(tmp_path)!r}, create=True, engine='fake').generate('boat', seed=1)"
    )
    assert loaded(code, "torch", "diffusers", "transformers") == []
