"""References: pairs share what is to be carried; an adapter as the stock loader reads it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.training.trainings import killed_ends_as_unbroken, steps_lower_the_loss

pytest.importorskip("skia")

import torch
from PIL import Image
from training.clip.network import build
from training.frozen import Base, Samples
from training.reference import measure, pairs
from training.reference.adapter import FILE, Adapter, crosses, image_encoder, places, write
from training.reference.begin import WORDS, wanted
from training.reference.train import Task
from training.tokenizer import LENGTH
from training.world import render
from transformers import CLIPModel

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(small_run: Path) -> Path:
    """The run with references of all its pictures."""
    assert pairs.draw(small_run, 100, 1) == 20
    return small_run


def _clip() -> CLIPModel:
    torch.manual_seed(4)
    return build(400, LENGTH, vision=(32, 1), text=(32, 1)).requires_grad_(False).eval()


def _task(run: Path) -> Task:
    base = Base(run / "export", CPU)
    torch.manual_seed(0)
    return Task(Adapter(base.unet, 32), base, Samples(run, base, 20), _clip(), run)


def _written(run: Path, folder: Path, *, loud: float = 1.0) -> Task:
    """A task whose adapter, with its values made louder, lies in a folder for the stock loader."""
    task = _task(run)
    with torch.no_grad():
        for own in task.network.ip_adapter:
            own["to_v_ip"].weight.mul_(loud)
    write(task.network, image_encoder(task.clip), folder)
    return task


def test_a_reference_shares_the_character_and_not_the_place() -> None:
    fixed = {"noun": "fox", "mode": "one", "garment": "scarf", "style": "watercolour"}
    facts = render(7, phrasings=1, **fixed).facts
    shown = pairs.reference(facts, 7).facts
    ours, theirs = facts.things[0], shown.things[0]
    assert shown.style == "watercolour"
    assert (theirs.noun, theirs.colour) == (ours.noun, ours.colour)
    assert (theirs.garment, theirs.garment_colour) == ("scarf", ours.garment_colour)
    assert theirs.pose != ours.pose
    assert theirs.position != ours.position


def test_a_product_keeps_its_sign() -> None:
    facts = render(7, noun="mug", mode="one", decoration="logo", logo="heart").facts
    shown = pairs.reference(facts, 7).facts.things[0]
    assert (shown.logo, shown.logo_colour) == ("heart", facts.things[0].logo_colour)


def test_bare_captions_leave_the_looks_out() -> None:
    facts = render(
        3, noun="fox", mode="one", garment="hat", colour="orange", style="ink", place="forest"
    ).facts
    for seed in range(12):
        said = pairs.bare(facts, random.Random(seed)).text
        assert "fox" in said
        for word in ("orange", "hat", "ink", "illustration"):
            assert word not in said
    assert facts.things[0].garment == "hat"


def test_the_other_caption_says_what_is_left_out() -> None:
    facts = render(
        3, noun="fox", mode="one", garment="hat", colour="orange", style="ink", place="forest"
    ).facts
    for plain, full in pairs.phrasings(facts, random.Random(5)):
        assert "ink" in full
        assert "orange" in full
        assert facts.things[0].garment_colour in full
        missing = set(plain.replace(",", "").split()) - set(full.replace(",", "").split())
        assert len(missing - {"a", "an"}) <= 2


def test_looks_are_named_one_after_another() -> None:
    facts = render(3, noun="fox", mode="one", garment="hat", colour="orange", style="ink").facts
    worn = facts.things[0].garment_colour
    assert pairs.looks(facts) == f"an orange fox, in a {worn} hat, ink drawing"
    assert pairs.looks(render(3, mode="none", outdoor=True, style="pixel").facts) == "pixel art"


def test_a_run_of_another_world_is_refused(run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", np.load(run / "pictures.npy")[::-1])
    with pytest.raises(ValueError, match="another world"):
        pairs.draw(tmp_path, 20, 1)


def test_tokens_begin_near_those_of_words(run: Path) -> None:
    task = _task(run)
    looks = ["a red mug, pixel art", "a blue fox, in a red hat, watercolour", "ink drawing"]
    right = wanted(task.base, looks)
    assert right.shape[:2] == (3, WORDS)
    # No hat on the mug: what stands before it says the same twice; the last two differ always.
    assert torch.equal(right[0, 0], right[0, 1])
    assert not torch.equal(right[1, 0], right[1, 1])
    assert not torch.equal(right[2, 2], right[2, 3])
    before = task.begin(steps=1)
    assert before < task.begin(steps=30) <= 1


def test_only_the_adapter_learns(run: Path) -> None:
    task = _task(run)
    task.loss(np.random.default_rng(0), 3)["velocity"].backward()
    assert all(p.grad is None for p in task.base.unet.parameters())
    assert all(p.grad is not None for p in task.network.parameters())
    names = crosses(task.base.unet)
    assert len(task.network.ip_adapter) == len(names)
    assert all(name.endswith("attn2") for name in names)


def test_without_a_reference_it_is_to_draw_what_its_own_words_say(run: Path) -> None:
    task = _task(run)
    rows = np.arange(18).repeat(20)
    read, full, blind, shown = task.words(rows, np.random.default_rng(0))
    assert torch.equal(read[blind], full[blind])
    silent = (read == task.base.empty).all(1)
    assert 0 < int(silent.sum()) < 60
    poorer = (read != full).any(1)
    assert int(poorer.sum()) > 200
    assert not bool((full[~blind] == task.base.empty).all(1).any())
    assert 60 < int((shown != rows).sum()) < 180


def test_of_another_thing_only_the_style_is_carried(run: Path) -> None:
    task = _task(run)
    rows = np.arange(18).repeat(20)
    _, full, blind, shown = task.words(rows, np.random.default_rng(0))
    strange = np.flatnonzero((shown != rows) & ~blind.numpy())
    for k in strange[:20]:
        row, style = task.told[rows[k]], task.told[shown[k]].style
        ways = task.base.ids([f"{plain}, {style}" for plain, _ in row.said])
        assert (ways == full[k]).all(1).any()


def test_steps_lower_the_loss_on_one_batch(run: Path) -> None:
    steps_lower_the_loss(_task(run), 5e-4)


def test_a_killed_training_ends_as_an_unbroken_one(run: Path, tmp_path: Path) -> None:
    killed_ends_as_unbroken(lambda: _task(run), tmp_path)


def test_the_stock_loader_sees_with_the_same_eyes(run: Path, tmp_path: Path) -> None:
    task = _written(run, tmp_path)
    assert (tmp_path / FILE).exists()
    stock = measure.pipeline_with(run / "export", tmp_path, CPU)
    picture = np.load(run / "reference" / "pictures.npy")[0]
    theirs = stock.encode_image(Image.fromarray(picture), CPU, 1)[0]
    with torch.no_grad():
        shown = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        ours = task.clip.get_image_features(shown).pooler_output
        assert torch.allclose(ours, theirs, atol=2e-2 * float(ours.abs().max()))
        told, none = stock.encode_image(Image.fromarray(picture), CPU, 1, True)
        assert torch.allclose(places(task.clip, shown), told, atol=2e-2 * float(told.abs().max()))
        assert torch.allclose(task.none, none, atol=2e-2 * float(none.abs().max()))


def test_the_stock_pipeline_draws_as_was_trained(run: Path, tmp_path: Path) -> None:
    task = _written(run, tmp_path, loud=10)
    stock = measure.pipeline_with(run / "export", tmp_path, CPU)
    seen, t = torch.randn(1, 65, 32), torch.tensor([400])
    x, states = torch.randn(1, 8, 16, 16), task.base.states(task.base.ids(["a red mug"])).float()
    with torch.no_grad():
        task.network.show(seen)
        ours = task.base.unet(x, t, states).sample
        task.network.show(None)
        plain = task.base.unet(x, t, states).sample
        given = {"image_embeds": [seen[:, None]]}
        theirs = stock.unet(x, t, states, added_cond_kwargs=given).sample
        stock.set_ip_adapter_scale(0.0)
        without = stock.unet(x, t, states, added_cond_kwargs=given).sample
    spread = float((ours - plain).abs().mean())
    assert spread > 1e-3
    assert torch.allclose(ours, theirs, atol=0.1 * spread + 1e-3)
    assert torch.allclose(plain, without, atol=0.1 * spread + 1e-3)


def test_every_prompt_sees_its_own_picture(run: Path, tmp_path: Path) -> None:
    _written(run, tmp_path, loud=10)
    stock, wanted = measure.pipeline_with(run / "export", tmp_path, CPU), measure.pairs(2)
    both = measure.paint(stock, wanted, 1.0)
    assert (both[1:] == measure.paint(stock, wanted[1:], 1.0)).all()


def test_the_figures_tell_scales_apart(run: Path, tmp_path: Path) -> None:
    _written(run, tmp_path)
    found = measure.measure(run / "export", tmp_path, run / "judge", 2, where=CPU)
    assert set(found) == {"pairs", "scale_0", "scale_0.5", "scale_1", "true_renders"}
    assert found["true_renders"]["colours"] > found["scale_0"]["colours"]


def test_pictures_have_their_own_colours_in_common() -> None:
    wanted = measure.pairs(2)
    shown = np.stack([p.shown.picture for p in wanted])
    assert measure.overlap(shown, shown) == pytest.approx(1)
    assert measure.overlap(shown, 255 - shown) < 0.7
    assert {claim.kind for p in wanted for claim in p.carried} >= {"style"}
