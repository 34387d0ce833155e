"""The façade: every verb, on real storage, as a person would use it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette import Settings, Studio, Version
from maquette.core.finding import Finding, Suggestion
from maquette.core.picture import encode_png
from maquette.core.recipe import Anchored, Continue
from maquette.errors import (
    AmbiguousVersion,
    FindingUnknown,
    MaskRefused,
    PictureRefused,
    ProjectMissing,
    PromptRefused,
    SettingRefused,
    TraceMissing,
    VersionUnknown,
    WordUnknown,
)


def pixels(studio: Studio, version: Version) -> np.ndarray:
    return np.asarray(studio.picture(version))


# -- the project ---------------------------------------------------------------------------------


def test_a_folder_without_a_project_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(ProjectMissing):
        Studio(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_project_is_there_when_opened_again(studio: Studio, wolf: Version) -> None:
    with Studio(studio.root, settings=studio.settings) as again:
        assert again.version("@") == wolf
        assert not again.created


def test_the_project_folder_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_PROJECT", str(tmp_path / "there"))
    with Studio(create=True) as studio:
        assert studio.root == tmp_path / "there"


# -- references ----------------------------------------------------------------------------------


def test_a_version_answers_to_itself_its_id_a_prefix_and_at(studio: Studio, wolf: Version) -> None:
    for reference in (wolf, wolf.id, wolf.short, "@"):
        assert studio.version(reference) == wolf


def test_unknown_and_ambiguous_references(studio: Studio, wolf: Version) -> None:
    with pytest.raises(VersionUnknown):
        studio.version("0123abcd")
    with pytest.raises((VersionUnknown, AmbiguousVersion)):
        studio.version("")


# -- making --------------------------------------------------------------------------------------


def test_many_pictures_have_seeds_that_follow_each_other(studio: Studio) -> None:
    made = studio.generate("a boat", seed=2**32 - 1, n=3, quality="draft")
    assert [v.recipe.sampling.seed for v in made if v.recipe.sampling] == [2**32 - 1, 0, 1]


def test_without_a_seed_each_picture_is_another(studio: Studio) -> None:
    a, b = (studio.generate("a boat", quality="draft")[0] for _ in range(2))
    assert a.recipe.sampling != b.recipe.sampling


@pytest.mark.parametrize("n", [0, -1, 1001])
def test_counts_out_of_range(studio: Studio, n: int) -> None:
    with pytest.raises(SettingRefused):
        studio.generate("a boat", n=n)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range(studio: Studio, seed: int) -> None:
    with pytest.raises(SettingRefused, match="seed"):
        studio.generate("a boat", seed=seed)
    assert studio.log() == []


@pytest.mark.parametrize("prompt", ["", "   ", "x" * 100_000])
def test_prompts_that_are_refused(studio: Studio, prompt: str) -> None:
    with pytest.raises(PromptRefused):
        studio.generate(prompt)


def test_reweighting_keeps_everything_but_the_weight(studio: Studio, wolf: Version) -> None:
    brighter = studio.reweight(wolf, {"moon": 1.6})
    assert brighter.parents == (wolf.id,)
    assert brighter.recipe.prompt is not None
    assert brighter.recipe.prompt.text == "a lone wolf under a full (moon:1.6), misty forest"
    assert brighter.recipe.sampling == wolf.recipe.sampling
    assert brighter.image != wolf.image


def test_a_draft_is_refined_from_what_it_kept(studio: Studio) -> None:
    (draft,) = studio.generate("a wolf under a moon", seed=5, quality="draft")
    final = studio.refine(draft)
    assert final.operation == "refine" and final.parents == (draft.id,)
    assert isinstance(final.recipe.task, Continue) and final.recipe.task.trace == draft.trace
    assert studio.replay(final).verdict == "exact"
    assert studio.refine(draft, way="picture").recipe.task.kind == "image-to-image"


def test_an_imported_picture_is_refined_from_its_pixels(studio: Studio, wolf: Version) -> None:
    version, _ = studio.import_picture(studio.blobs.get(wolf.image), caption="a wolf")
    assert studio.refine(version).recipe.task.kind == "image-to-image"


def test_a_reweight_goes_on_from_what_was_kept_early(studio: Studio, wolf: Version) -> None:
    """So that things stay where they are; again and again from the same drawing."""
    brighter = studio.reweight(wolf, {"moon": 1.6})
    task, trace = brighter.recipe.task, studio.trace(wolf)
    assert isinstance(task, Anchored) and task.trace == wolf.trace and trace is not None
    assert task.step == trace.kept[0].step
    assert studio.replay(brighter).verdict == "exact"
    assert studio.reweight(brighter, {"moon": 1.8}).recipe.task == task


def test_a_reweight_from_half_way_or_from_noise(studio: Studio, wolf: Version) -> None:
    half, trace = studio.reweight(wolf, {"moon": 1.6}, begin=0.5).recipe.task, studio.trace(wolf)
    assert isinstance(half, Anchored) and trace is not None
    assert half.step == round(trace.kept[0].steps / 2)
    assert studio.reweight(wolf, {"moon": 1.6}, begin=0).recipe.task == wolf.recipe.task
    (bare,) = studio.generate("a moon", seed=5, maps=False)
    assert studio.reweight(bare, {"moon": 1.6}).recipe.task.kind == "text-to-image"
    with pytest.raises(SettingRefused, match="begin"):
        studio.reweight(wolf, {"moon": 1.6}, begin=1.5)


def test_reweighting_a_word_that_is_not_there(studio: Studio, wolf: Version) -> None:
    with pytest.raises(WordUnknown, match="dragon"):
        studio.reweight(wolf, {"dragon": 2})


def test_inpainting_leaves_every_other_byte_alone(studio: Studio, wolf: Version) -> None:
    mask = studio.mask(wolf, box=(40, 60, 90, 50))
    snowy = studio.inpaint(wolf, mask, "snowy mountains", seed=3)
    outside = np.asarray(mask) == 0
    before, after = pixels(studio, wolf), pixels(studio, snowy)
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before, after)
    assert snowy.parents == (wolf.id,)


def test_a_mask_may_be_a_picture_bytes_or_a_file(
    studio: Studio, wolf: Version, tmp_path: Path
) -> None:
    mask = studio.mask(wolf, box=(0, 0, 50, 50))
    (tmp_path / "mask.png").write_bytes(encode_png(mask))
    made = [
        studio.inpaint(wolf, way, "stars", seed=1)
        for way in (mask, encode_png(mask), tmp_path / "mask.png", str(tmp_path / "mask.png"))
    ]
    assert len({version.image for version in made}) == 1


def test_masks_that_do_not_fit(studio: Studio, wolf: Version) -> None:
    with pytest.raises(MaskRefused):
        studio.inpaint(wolf, Image.new("L", (8, 8), 255), "stars")
    with pytest.raises(MaskRefused):
        studio.inpaint(wolf, Image.new("L", (256, 256), 0), "stars")
    with pytest.raises(SettingRefused):
        studio.mask(wolf)
    with pytest.raises(SettingRefused):
        studio.mask(wolf, token="moon", box=(0, 0, 5, 5))


def test_outpainting_keeps_the_picture_in_its_place(studio: Studio, wolf: Version) -> None:
    wide = studio.outpaint(wolf, left=64, bottom=32, seed=1)
    assert (wide.size.width, wide.size.height) == (320, 288)
    assert np.array_equal(pixels(studio, wide)[:256, 64:], pixels(studio, wolf))


def test_variations_upscales_and_rollbacks(studio: Studio, wolf: Version) -> None:
    near = studio.vary(wolf, strength=0.4, n=2, seed=5)
    assert [version.parents for version in near] == [(wolf.id,)] * 2
    big = studio.upscale(wolf, 2)
    assert str(big.size) == "512x512"
    back = studio.rollback(wolf)
    assert studio.version("@") == back
    assert back.image == wolf.image
    assert [version.operation for version in studio.log()] == [
        "rollback", "upscale", "vary", "vary", "generate",
    ]  # fmt: skip


def test_rolling_back_twice_makes_it_the_newest_twice(studio: Studio, wolf: Version) -> None:
    first = studio.rollback(wolf)
    studio.upscale(wolf, 2)
    second = studio.rollback(wolf)
    assert studio.version("@") == second
    assert first.id != second.id


def test_work_goes_on_after_a_rollback(studio: Studio, wolf: Version) -> None:
    studio.upscale(wolf, 2)
    back = studio.rollback(wolf)
    assert back.recipe == wolf.recipe
    assert [heat.token for heat in studio.heatmap(back, "moon")] == ["moon"]
    assert studio.reweight(back, {"moon": 1.4}).parents == (back.id,)


def test_an_upscaled_picture_has_the_maps_of_the_one_it_came_from(
    studio: Studio, wolf: Version
) -> None:
    (heat,) = studio.heatmap(studio.upscale(wolf, 2), "moon")
    assert heat.map.shape == (512, 512)


def test_asking_for_the_same_again_makes_it_the_newest(studio: Studio, wolf: Version) -> None:
    studio.generate("a boat", seed=1, quality="draft")
    again = studio.generate("a lone wolf under a full moon, misty forest", seed=7)[0]
    assert studio.version("@") == again
    assert again.image == wolf.image


# -- looking -------------------------------------------------------------------------------------


def test_a_chain_runs_from_the_oldest_to_the_version(studio: Studio, wolf: Version) -> None:
    brighter = studio.reweight(wolf, {"moon": 1.5})
    studio.vary(wolf, seed=1)
    big = studio.upscale(brighter, 2)
    assert studio.chain(big) == [wolf, brighter, big]


def test_heatmaps_of_imported_pictures_need_a_caption(studio: Studio) -> None:
    version, _ = studio.import_picture(encode_png(Image.new("RGB", (64, 64), "navy")))
    with pytest.raises(TraceMissing, match="no caption"):
        studio.heatmap(version)


# -- judging -------------------------------------------------------------------------------------


def test_a_findings_remedy_can_be_carried_out_by_name(studio: Studio, wolf: Version) -> None:
    remedy = Suggestion(operation="reweight", arguments={"weights": {"moon": 1.4}}, says="raise")
    weak = Finding(
        critic="attention", name="weak:moon", message="weak", severity="warning", score=0.4,
        suggestion=remedy,
    )  # fmt: skip
    studio.records.add_findings(wolf.id, [weak])
    better = studio.apply(wolf, "weak:moon")
    assert better.operation == "reweight"
    assert better.recipe.prompt is not None
    assert "(moon:1.4)" in better.recipe.prompt.text


def test_a_seam_is_mended_from_the_picture_before_it(studio: Studio, wolf: Version) -> None:
    mask = studio.mask(wolf, box=(40, 60, 90, 50))
    edited = studio.inpaint(wolf, mask, "stars", seed=3, feather=1)
    remedy = Suggestion(
        operation="inpaint",
        arguments={
            "version": wolf.id,
            "mask": getattr(edited.recipe.task, "mask", ""),
            "prompt": "stars",
            "seed": 3,
            "feather": 12,
        },
        says="blend wider",
    )
    seam = Finding(
        critic="vision", name="seam", message="seam", severity="warning", score=0.5,
        suggestion=remedy,
    )  # fmt: skip
    studio.records.add_findings(edited.id, [seam])
    mended = studio.apply(edited, "seam")
    assert mended.parents == (wolf.id,)
    assert getattr(mended.recipe.task, "feather", None) == 12


def test_findings_without_a_name_or_a_remedy(studio: Studio, wolf: Version) -> None:
    mute = Finding(critic="x", name="odd", message="odd", severity="note", score=0.1)
    studio.records.add_findings(wolf.id, [mute])
    with pytest.raises(FindingUnknown, match="no remedy"):
        studio.apply(wolf, "odd")
    with pytest.raises(FindingUnknown, match="no finding 'none-such'"):
        studio.apply(wolf, "none-such")


def test_everything_made_can_be_replayed(studio: Studio, wolf: Version) -> None:
    mask = studio.mask(wolf, box=(10, 10, 60, 60))
    for version in (
        wolf,
        studio.reweight(wolf, {"moon": 1.5}),
        studio.inpaint(wolf, mask, "stars", seed=1),
        studio.outpaint(wolf, right=32, seed=1),
        studio.vary(wolf, seed=2)[0],
        studio.upscale(wolf, 2),
        studio.rollback(wolf),
    ):
        assert studio.replay(version).verdict == "exact"


# -- releasing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wolf.png", "wolf.jpg", "wolf.webp"])
def test_an_export_is_signed_and_trusted_here(
    studio: Studio, wolf: Version, tmp_path: Path, name: str
) -> None:
    release = studio.export(studio.reweight(wolf, {"moon": 1.5}), tmp_path / name)
    verdict = studio.verify(release.path)
    assert verdict.state == "trusted"
    assert [action.action for action in verdict.actions] == ["c2pa.created", "c2pa.edited"]
    assert str(verdict.digital_source_type).endswith("trainedAlgorithmicMedia")


def test_what_was_exported_comes_back_with_its_recipe(
    studio: Studio, wolf: Version, tmp_path: Path
) -> None:
    studio.export(wolf, tmp_path / "wolf.png")
    version, found = studio.import_picture(tmp_path / "wolf.png")
    assert found.source == "maquette"
    assert found.recipe == wolf.recipe
    assert version.recipe.prompt == wolf.recipe.prompt
    assert np.array_equal(pixels(studio, version), pixels(studio, wolf))


def test_an_imported_files_own_bytes_are_kept(studio: Studio) -> None:
    data = encode_png(Image.new("RGB", (20, 10), "teal"))
    version, _ = studio.import_picture(data)
    original = getattr(version.recipe.task, "original", None)
    assert original is not None
    assert studio.blobs.get(original) == data


def test_the_key_is_made_once_and_stays_in_the_persons_home(
    studio: Studio, wolf: Version, tmp_path: Path
) -> None:
    studio.export(wolf, tmp_path / "a.png")
    anchor = studio.identity().anchor_pem
    with Studio(studio.root, settings=Settings(home=studio.settings.home)) as again:
        assert again.identity().anchor_pem == anchor
    private = [path for path in studio.root.rglob("*") if "key" in path.name]
    assert private == []


def test_files_that_are_no_pictures(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("not a picture")
    for source in (tmp_path / "no.png", tmp_path / "missing.png", tmp_path):
        with pytest.raises(PictureRefused):
            studio.import_picture(source)
    assert studio.log() == []


def test_an_interrupted_export_leaves_the_old_file(
    studio: Studio, wolf: Version, tmp_path: Path
) -> None:
    target = tmp_path / "wolf.png"
    studio.export(wolf, target, sign=False)
    before = target.read_bytes()
    assert Image.open(io.BytesIO(before)).size == (256, 256)
    studio.export(wolf, target, sign=False)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
