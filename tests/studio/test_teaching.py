"""Teaching from Python: a folder becomes an adapter with samples, a card and a guide."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tests.engines.tiny import build

import maquette
from maquette.critics.judge import network
from maquette.critics.judge.network import Looked, Seen
from maquette.errors import Cancelled, ModelMissing, SettingRefused, TrainingRefused
from maquette.settings import Settings
from maquette.storage.origin import origins_of
from maquette.studio import Studio, seeing


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny", "postcard")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "My Pictures"
    folder.mkdir()
    rng = np.random.default_rng(3)
    lines = []
    for number in range(3):
        pixels = rng.integers(0, 256, (160, 160, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append({"file_name": f"{number}.png", "text": f"a cat on the sea {number}"})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nno json\n")
    return folder


@pytest.fixture
def fake(tmp_path: Path) -> Studio:
    settings = Settings(engine="fake", models=tmp_path / "models")
    return maquette.Studio(tmp_path / "project", create=True, settings=settings)


def test_from_a_folder_to_pictures_with_it(model: Path, pictures: Path, tmp_path: Path) -> None:
    settings = Settings(models=tmp_path / "models", threads=1)
    home = tmp_path / "project"
    with maquette.Studio(home, create=True, settings=settings, model=model) as studio:
        how = {"subject": "cat", "trigger": "red", "steps": 2, "batch": 1, "rank": 2}
        report = studio.train(pictures, name="pim", licence="CC-BY-4.0", **how)
        place = tmp_path / "models" / "loras" / "pim"
        card = json.loads((place / "ADAPTER.json").read_text())
        assert card["licence"] == "CC-BY-4.0" and card["training"] == report.training
        assert card["model"]["digest"] == studio.capabilities().model.digest
        assert card["adapter"] == report.adapter.digest and card["examples"]["count"] == 3
        assert (place / "sheet.png").is_file()
        assert (place / "guide.md").read_text() == report.guide

        assert report.identity is not None and 0 < report.identity.base <= 1
        assert len(report.samples) == len(report.before) == 3
        origin = origins_of(studio.records, [report.samples[0]])[report.samples[0]]["training"]
        assert origin == {"name": "pim", "digest": report.training, "taught": True}
        (lora,) = studio.version(report.samples[0]).recipe.conditionings
        assert lora.digest == report.adapter.digest
        assert studio.version(report.before[0]).recipe.conditionings == ()
        assert studio.replay(report.samples[0]).verdict == "exact"

        again = studio.train(pictures, name="pim", licence="CC-BY-4.0", **how)
        assert again == report, "what is done is not done again"
        with pytest.raises(TrainingRefused, match="an adapter 'pim' already"):
            studio.train(pictures, name="pim", **{**how, "steps": 3})
        (listed,) = (each for each in studio.engine().adapters() if each.name == "pim")
        assert (listed.licence, listed.trigger, listed.misfit) == ("CC-BY-4.0", "red", "")


def test_captions_come_from_the_folders_list(fake: Studio, pictures: Path) -> None:
    dataset = fake.curate("cats", [pictures], subject="cat", trigger="pim")
    assert [fake.dataset("cats").caption_of(entry) for entry in dataset.entries] == [
        f"a pim cat on the sea {number}" for number in range(3)
    ]
    assert fake.curate("cats", [pictures]).entries == dataset.entries, "not added twice"
    assert [each.number for each in fake.datasets.revisions("cats")] == [1]


def test_an_edit_looks_at_no_picture_again(
    fake: Studio, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fake.curate("cats", [pictures])
    looked: list[str] = []
    seen = seeing.glance_at
    monkeypatch.setattr(seeing, "glance_at", lambda image: looked.append("") or seen(image))
    after = fake.curate("cats", drop=[2])
    assert [entry.kept for entry in after.entries] == [None, False, None] and not looked
    assert [e.sharpness for e in after.entries] == [e.sharpness for e in before.entries]
    kept = sorted((fake.root / ".maquette" / "looks").rglob("*.json"))
    assert len(kept) == 3
    kept[0].write_text("{}")
    kept[1].unlink()
    assert fake.curate("cats", keep=[2]).entries[0].remarks == before.entries[0].remarks
    assert len(looked) == 2, "what is damaged or gone is looked at again"


def test_a_judge_suggests_captions_where_nobody_said_one(
    fake: Studio, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "metadata.jsonl").unlink()
    assert [e.told for e in fake.curate("mute", [pictures]).entries] == ["nobody"] * 3
    settings = fake.settings.model_copy(update={"judge": tmp_path / "judge"})
    with maquette.Studio(fake.root, settings=settings) as judged:
        with pytest.raises(ModelMissing, match="no judge in"):
            judged.curate("mute", drop=[3])
        (tmp_path / "judge").mkdir()
        for name in ("judge.json", "judge.safetensors"):
            (tmp_path / "judge" / name).write_text("{}")
        sky, mug = Seen(0.99, {"blue": 1.0}, {1: 1.0}), Seen(0.9, {"red": 0.9}, {2: 0.8})
        looked = Looked({"mug": mug, "sky": sky, "cat": Seen(0.3, {}, {})}, {"night": 0.9})
        sight = SimpleNamespace(look=lambda _: looked)
        monkeypatch.setattr(network, "load_sight", lambda _: sight)
        found = judged.curate("mute", drop=[3], captions={1: ""})
    assert [e.caption for e in found.entries] == ["", "sky, at night", "sky, at night"]
    assert [e.told for e in found.entries] == ["typed", "seen", "seen"]
    assert "suggested by looking" in found.entries[1].remarks[-1].message


def test_what_is_interrupted_goes_on(fake: Studio, pictures: Path) -> None:
    fake.curate("cats", [pictures])
    seen: list[int] = []

    def hear(event: object) -> None:
        seen.append(getattr(event, "step", 0))
        if len(seen) == 2:
            fake.cancel.set()

    fake.on_event = hear
    with pytest.raises(Cancelled):
        fake.train("cats", steps=5, sheet_every=0)
    (state,) = fake.trainings()
    assert state.step == 2 and state.report is None
    fake.cancel = type(fake.cancel)()
    report = fake.train("cats", steps=5, sheet_every=0)
    assert seen == [1, 2, 3, 4, 5]
    assert fake.training("cats").report == report


def test_ten_thousand_are_refused_before_one_is_read(fake: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number}.png").touch()
    with pytest.raises(TrainingRefused, match="holds 10000 pictures: a dataset takes 1000"):
        fake.train(folder)


def test_one_is_refused_and_so_is_what_makes_no_sense(fake: Studio, pictures: Path) -> None:
    one = fake.curate("one", [pictures / "0.png"])
    with pytest.raises(TrainingRefused, match="1 of 1 pictures"):
        fake.train(one)
    with pytest.raises(TrainingRefused, match="nothing says what that is"):
        fake.train(pictures, method="dreambooth")
    with pytest.raises(SettingRefused, match="rate"):
        fake.train(pictures, rate=-1.0)
    with pytest.raises(SettingRefused, match="no method 'osmosis'"):
        fake.train(pictures, method="osmosis")
    with pytest.raises(TrainingRefused, match="no pictures in"):
        fake.curate("none", [fake.root])
