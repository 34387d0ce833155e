"""Finding models, refusing what must not be opened, and the registry."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engines.making import draw, recipe

from maquette import Settings, Studio
from maquette.engines.base import Batching
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.digests import digest_of, sha256_of
from maquette.engines.diffusers.models import find_model, list_models, read_model, verify_model
from maquette.engines.registry import engine_names, load_engine
from maquette.errors import ExtraMissing, ModelMissing, ModelRefused, RecipeRefused
from maquette.studio.rooms import Rooms
from maquette.worker import Worker


@pytest.fixture
def folder(postcard: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(postcard, tmp_path / "mine"))


def label(folder: Path, **more: object) -> None:
    files = {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "MODEL.json"
    }
    about = {"name": "mine", "native_size": [96, 64], "words": ["A", "boat"], "files": files}
    (folder / "MODEL.json").write_text(json.dumps({**about, **more}))


def test_card(postcard: Path, sd15: Path) -> None:
    card = read_model(postcard)
    assert str(card.native) == "64x64" and card.scale == 8 and card.max_tokens == 16
    assert card.prediction == "v_prediction" and card.attended == (False, True, True)
    other = read_model(sd15)
    assert other.prediction == "epsilon" and other.max_tokens == 77 and other.vocabulary is None
    assert card.ref.digest != other.ref.digest


def test_label(folder: Path) -> None:
    label(folder, presets={"draft": {"sampler": "lcm", "steps": 2, "guidance": 1.0}})
    engine = create(folder)
    able = engine.capabilities()
    assert able.vocabulary == {"a", "boat"} and str(able.best_size) == "96x64"
    assert able.presets["draft"].steps == 2 and "final" in able.presets
    (said,) = engine.check(recipe(engine, "a boat, a griffin"))
    assert said.asked == "griffin"
    assert draw(engine, recipe(engine))


def test_a_damaged_file_is_refused(folder: Path) -> None:
    label(folder)
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ModelRefused, match=r"vae/.*damaged"):
        draw(create(folder), recipe(create(folder)))


def test_a_listed_file_that_is_gone(folder: Path) -> None:
    label(folder, files={"unet/other.json": "0" * 64})
    with pytest.raises(ModelMissing, match=r"unet/other\.json"):
        verify_model(read_model(folder))


def test_digest_is_of_the_files_not_of_the_folder(folder: Path, postcard: Path) -> None:
    assert digest_of(folder) == digest_of(postcard)
    (folder / "README.md").write_text("hello")
    assert digest_of(folder) == digest_of(postcard)
    (folder / "unet" / "config.json").write_text("{}")
    assert digest_of(folder) != digest_of(postcard)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    with pytest.raises(ModelMissing, match=f"'{part}'"):
        create(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelMissing, match="weights of its part 'unet'"):
        create(folder)


def test_pickled_weights_are_refused(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name("diffusion_pytorch_model.bin"))
    with pytest.raises(ModelRefused, match="pickled") as refused:
        create(folder)
    assert "safetensors" in refused.value.hint


@pytest.mark.parametrize("name", ["model.ckpt", "weights.pt", "model.bin", "x.pth"])
def test_pickled_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelRefused, match="pickled"):
        find_model(tmp_path / name)


def test_another_kind_of_part_is_refused(folder: Path) -> None:
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_class_name": "FluxThing"}))
    with pytest.raises(ModelRefused, match="FluxThing"):
        create(folder)


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("unet", {"addition_embed_type": "image_hint"}, "addition_embed_type"),
        ("unet", {"in_channels": 5}, "5 channels"),
    ],
)
def test_networks_of_another_kind_are_refused(
    folder: Path, part: str, change: dict[str, object], said: str
) -> None:
    config = folder / part / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(ModelRefused, match=said):
        create(folder)


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"not weights at all")
    engine = create(folder)
    with pytest.raises(ModelRefused, match="does not load"):
        draw(engine, recipe(engine))


def test_half_precision_variants_load(folder: Path) -> None:
    for part, stem in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")):
        path = folder / part / f"{stem}.safetensors"
        path.rename(path.with_name(f"{stem}.fp16.safetensors"))
    path = folder / "text_encoder" / "model.safetensors"
    path.rename(path.with_name("model.fp16.safetensors"))
    engine = create(folder)
    assert draw(engine, recipe(engine))


def test_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model(folder) == folder.resolve()
    assert find_model("mine", folder.parent) == folder.resolve()
    with pytest.raises(ModelMissing):
        find_model("no-such-model")
    monkeypatch.setenv("MAQUETTE_MODELS", str(folder.parent))
    assert find_model("mine") == folder.resolve()
    assert "mine" in [card.ref.name for card in list_models()]


def test_build_is_stable_and_says_what_runs(engine: DiffusersEngine, postcard: Path) -> None:
    assert engine.build == create(postcard, threads=2).build
    for part in ("torch/", "diffusers/", "cpu", "float32", engine.card.ref.digest[:12]):
        assert part in engine.build


def test_together_is_asked_for_by_a_setting_and_said_in_the_build(
    postcard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert create(postcard).at_once == 1, "on a processor each alone, so that a replay is exact"
    monkeypatch.setenv("MAQUETTE_TOGETHER", "2")
    settings = Settings(threads=1, home=tmp_path / "home")
    with Studio(tmp_path / "project", create=True, model=postcard, settings=settings) as studio:
        engine = studio.engine()
        assert isinstance(engine, Batching) and engine.at_once == 2
        assert engine.build.endswith(" by 2")
        made = studio.generate("a boat", seed=1, n=3, size=(64, 64), steps=2)
        traces = [studio.trace(version) for version in made]
        assert [trace.ran["batch"] for trace in traces if trace] == [2, 2, 1]
        assert studio.replay(made[0]).verdict in {"exact", "close"}
        orders = studio.orders.generate("a boat", seed=7, n=2, size=(64, 64), steps=2)
        jobs = studio.submit(orders)
        Worker([Rooms(None, [studio.root], settings=settings, engines=studio.engines)]).run(
            once=True
        )
        drawn = [studio.trace(studio.job(job.id).version or "") for job in jobs]
        assert [trace.ran["batch"] for trace in drawn if trace] == [2, 2]


def test_asking_loads_no_torch(postcard: Path) -> None:
    code = (
        "import sys\n"
        "from maquette.engines.registry import load_engine\n"
        f"engine = load_engine('diffusers', model={str(postcard)!r})\n"
        "from maquette.core.recipe import PromptText\n"
        "engine.capabilities(), engine.build, engine.unknown_words(PromptText(text='a boat'))\n"
        "print([m for m in ('torch', 'diffusers', 'transformers') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_fake_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from maquette.engines.registry import load_engine\n"
        "engine = load_engine('fake')\n"
        "from tests.engines.making import draw, recipe\n"
        "assert draw(engine, recipe(engine))\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class TestRegistry:
    def test_names(self) -> None:
        assert {"diffusers", "fake", "pixels"} <= set(engine_names())
        assert not {"base", "checks", "local", "registry", "wording"} & set(engine_names())

    def test_no_such_engine(self) -> None:
        with pytest.raises(RecipeRefused, match="'paint'"):
            load_engine("paint")

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import importlib

        real = importlib.import_module

        def without(name: str, package: str | None = None) -> object:
            if name == "maquette.engines.fake":
                raise ModuleNotFoundError("No module named 'brushes'", name="brushes")
            return real(name, package)

        monkeypatch.setattr(importlib, "import_module", without)
        with pytest.raises(ExtraMissing, match="brushes") as missing:
            load_engine("fake")
        assert "pip install" in missing.value.hint
