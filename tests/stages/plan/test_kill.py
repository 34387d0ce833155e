"""A campaign whose process is killed, without a word, after some of its pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from maquette import Settings, Studio

BRIEF = {
    "campaign": "autumn",
    "prompt": "a red mug on a table",
    "seed": 5,
    "size": [64, 64],
    "drafts": {"count": 6},
    "select": {"count": 2},
    "polish": {"steps": 0, "upscale": 2},
}
ALL = 6 + 2 + 2

SCRIPT = """
import json, sys
from pathlib import Path
from maquette import Settings, Studio
root, brief = Path(sys.argv[1]), json.loads(sys.argv[2])
settings = Settings(home=root / "home", engine="fake")
with Studio(root / "project", create=True, settings=settings) as studio:
    studio.on_version = lambda version: print(version.id, flush=True)
    studio.campaign(brief, folder=root)
print("done", flush=True)
"""


def killed_after(root: Path, pictures: int) -> bool:
    """Run the campaign and kill its process when it has made so many; whether it was done."""
    command = [sys.executable, "-c", SCRIPT, str(root), json.dumps(BRIEF)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for made, line in enumerate(process.stdout, start=1):
            if line.strip() == "done":
                return True
            if made == pictures:
                process.kill()
                process.wait()
                return False
    raise AssertionError("it ended by itself, and not well")


def test_killed_again_and_again_it_comes_to_its_end(tmp_path: Path) -> None:
    kills = 0
    while not killed_after(tmp_path, 3):
        kills += 1
        assert kills < ALL
    assert kills >= 2
    settings = Settings(home=tmp_path / "home", engine="fake")
    with Studio(tmp_path / "project", settings=settings) as studio:
        versions = studio.log()
        assert len(versions) == ALL, "nothing lost, nothing made twice"
        assert len({version.recipe.digest for version in versions}) == ALL
        state = studio.campaign_state(BRIEF, folder=tmp_path)
        assert state.stage == "done" and all(path.is_file() for path in state.files)
