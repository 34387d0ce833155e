"""The family in one folder, and the report of all its figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("skia")

from training import family, report


def _run(folder: Path) -> Path:
    """A run with an exported base, drafts and an upscaler that was never measured."""
    for name, content in {
        "export/model_index.json": "{}",
        "export/MODEL.json": json.dumps(
            {"files": {"model_index.json": "…", "unet/weights.safetensors": "…"}}
        ),
        "export/unet/weights.safetensors": "base",
        "draft/pytorch_lora_weights.safetensors": "draft",
        "draft/draft.json": "{}",
        "draft/checkpoint.pt": "not this",
        "draft/merged/model_index.json": "nor this",
        "upscaler/upscaler.safetensors": "no card yet",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_a_family_has_what_ships_and_no_more(tmp_path: Path) -> None:
    run, out = _run(tmp_path / "run"), tmp_path / "family"
    assert family.gather(run, run / "export", out) == ["draft"]
    names = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    drafts = [
        "adapters/draft/draft.json",
        "adapters/draft/pytorch_lora_weights.safetensors",
    ]
    assert names == ["MODEL.json", *drafts, "model_index.json", "unet/weights.safetensors"]
    assert sorted(json.loads((out / "MODEL.json").read_text())["beside"]) == drafts
    found = family.sizes(out)
    assert found["draft"] == 7
    assert found["total"] == found["base"] + found["draft"]


def test_without_a_base_there_is_no_family(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="export"):
        family.gather(tmp_path, tmp_path / "export", tmp_path / "out")


def test_a_report_measures_what_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = _run(tmp_path / "run"), tmp_path / "family"
    family.gather(run, run / "export", out)
    asked: list[str] = []

    def measured(part: str, share: float) -> Any:
        def measure(_: object) -> dict[str, Any]:
            asked.append(part)
            kept = {"object": {"share": share, "interval": [0.0, 1.0]}}
            return {"adherence": {"held-out prompts": kept}}

        return measure

    for part in report.MEASURES:
        share = 0.8 if part == "base" else 0.6
        monkeypatch.setitem(report.MEASURES, part, measured(part, share))
    said = ["--family", str(out), "--out", str(tmp_path / "report")]
    report.main(said)
    assert asked == ["base", "draft"]
    figures = json.loads((tmp_path / "report" / "report.json").read_text())
    assert figures["draft"]["share_of_base"] == {"object": 0.75}
    assert figures["bytes"]["budget"] == 64 * 2**20
    assert (
        "| base | adherence, held-out prompts, object, share | 0.8 |"
        in (tmp_path / "report" / "report.md").read_text()
    )
    report.main(said)
    assert asked == ["base", "draft"]
    (out / "adapters/draft/pytorch_lora_weights.safetensors").write_text("better")
    report.main(said)
    assert asked == ["base", "draft", "draft"]
