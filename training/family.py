"""The family in one folder, as it ships: the base, and what goes with it in folders beside.

    python -m training.family --run RUN --out FOLDER

FOLDER is the base's pipeline folder; in it stand `adapters/draft`, `adapters/control`,
`adapters/reference`, `judge`, `clip`, `upscaler` and `faults`, each with the files that its loader
needs and its card. Parts that a run has not trained are left out. MODEL.json lists the digests of
the parts as `beside`, apart from the base's own `files`: what stands beside the base may be added
to without making it another model. `training.report` measures such a folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from training.export import digests

KINDS = ("safetensors", "json")

#: Files of each part that ship, as patterns; checkpoints, sets and sheets stay in the run.
PARTS: dict[str, tuple[str, ...]] = {
    "draft": ("pytorch_lora_weights.safetensors", "draft.json"),
    "control": ("config.json", "diffusion_pytorch_model.safetensors", "control.json"),
    "reference": ("*.safetensors", "image_encoder/*", "reference.json"),
    "clip": (
        *("config.json", "model.safetensors", "preprocessor_config.json", "clip.json"),
        *("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"),
    ),
    "upscaler": ("upscaler.safetensors", "upscaler.json"),
    "faults": ("faults.safetensors", "faults.json"),
    "judge": tuple(f"{n}.{kind}" for n in ("judge", "style", "reader") for kind in KINDS),
}
#: Where those stand that are adapters of the base, as the engine looks for them.
PLACES = {part: f"adapters/{part}" for part in ("draft", "control", "reference")}
#: What the family may take in all, in bytes.
BUDGET = 64 * 2**20


def place(family: Path, part: str) -> Path:
    """The folder of a part in a family."""
    return family / PLACES.get(part, part)


def files_of(folder: Path, part: str) -> list[Path]:
    """The files of a part that ship, as far as they are there, sorted."""
    return sorted({p for pattern in PARTS[part] for p in folder.glob(pattern) if p.is_file()})


def trained(folder: Path, part: str) -> bool:
    """Whether a folder holds an exported part: its card is written last."""
    return (folder / f"{part}.json").exists()


def gather(run: Path, base: Path, out: Path) -> list[str]:
    """Copy the exported base and parts of a run into one folder; gives the names of the parts.

    Raises FileNotFoundError without an exported base.
    """
    if not (base / "model_index.json").exists():
        raise FileNotFoundError(f"{base} holds no exported base: run training.export first")
    staging = out.with_name(out.name + ".writing")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(base, staging)
    found = [part for part in PARTS if trained(run / part, part)]
    for part in found:
        for path in files_of(run / part, part):
            kept = place(staging, part) / path.relative_to(run / part)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)
    _list(staging)
    shutil.rmtree(out, ignore_errors=True)
    staging.rename(out)
    return found


def _list(family: Path) -> None:
    """Write into MODEL.json what stands beside the base."""
    path = family / "MODEL.json"
    card = json.loads(path.read_text())
    every = digests(family)
    card["beside"] = {name: sha for name, sha in every.items() if name not in card["files"]}
    path.write_text(json.dumps(card, indent=1) + "\n")


def sizes(family: Path) -> dict[str, int]:
    """Bytes of the base, of each part, of everything, and of the largest file."""
    every = {p: p.stat().st_size for p in family.rglob("*") if p.is_file()}
    found = {
        part: sum(n for p, n in every.items() if p.is_relative_to(place(family, part)))
        for part in PARTS
        if place(family, part).is_dir()
    }
    total = sum(every.values())
    base = total - sum(found.values())
    largest = max(every.values())
    return {"base": base, **found, "total": total, "largest_file": largest}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="exported base; default RUN/export")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    found = gather(a.run, a.base or a.run / "export", a.out)
    total = sizes(a.out)["total"]
    print(f"base, {', '.join(found)}: {total / 2**20:.1f} of {BUDGET / 2**20:.0f} MiB")
    if total > BUDGET:
        raise SystemExit("the family is larger than its budget")


if __name__ == "__main__":
    main()
