"""LoRA files in every layout, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tests.engines.conditions.adapters import factors, layers, ref, state, write_lora
from tests.engines.making import draw, recipe
from tests.engines.tiny import build

from maquette.core.recipe import Lora
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions.keys import Misfit, match
from maquette.engines.diffusers.conditions.lora import change, merged
from maquette.errors import EngineFailed, ModelMissing, RecipeRefused

WEIGHT = torch.zeros(6, 4)
MODULE = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
UNET = {f"{MODULE}.weight": (6, 4), "down_blocks.0.resnets.0.conv1.weight": (8, 4, 3, 3)}
TEXT = {"encoder.layers.0.self_attn.q_proj.weight": (6, 4)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build(tmp_path_factory.mktemp("models") / "tiny", "postcard")
    write_lora(model, model / "adapters" / "one.safetensors")
    return model


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


@pytest.mark.parametrize(
    ("base", "place"),
    [
        (f"unet.{MODULE}.lora_A.weight", ("unet", MODULE)),
        (f"base_model.model.unet.{MODULE}.lora_A.default.weight", ("unet", MODULE)),
        (f"unet.{MODULE}.lora.down.weight", ("unet", MODULE)),
        (
            f"unet.{MODULE.removesuffix('to_q')}processor.to_q_lora.down.weight",
            ("unet", MODULE),
        ),
        (f"{MODULE}.lora_A.weight", ("unet", MODULE)),
        (f"lora_unet_{MODULE.replace('.', '_')}.lora_down.weight", ("unet", MODULE)),
        (
            "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_down.weight",
            ("unet", MODULE),
        ),
        (
            "lora_unet_input_blocks_1_0_in_layers_2.lora_down.weight",
            ("unet", "down_blocks.0.resnets.0.conv1"),
        ),
        (
            "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight",
            ("text_encoder", "encoder.layers.0.self_attn.q_proj"),
        ),
        (
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight",
            ("text_encoder", "encoder.layers.0.self_attn.q_proj"),
        ),
        (
            "lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight",
            ("text_encoder", "encoder.layers.0.self_attn.q_proj"),
        ),
    ],
)
def test_whose_layer_a_tensor_is(base: str, place: tuple[str, str]) -> None:
    shape = (2, 4, 3, 3) if "conv1" in place[1] else (2, 4)
    out = 8 if "conv1" in place[1] else 6
    up = base.replace("lora_A", "lora_B").replace("lora_down", "lora_up").replace(".down.", ".up.")
    tensors: dict[str, tuple[int, ...]] = {base: shape, up: (out, 2)}
    (layer,) = match(tensors, {"unet": UNET, "text_encoder": TEXT})
    assert (layer.network, layer.module) == place
    assert set(layer.tensors) == {"down", "up"}


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"unet.mid_block.nothing.lora_A.weight": (2, 4)}, "belong to no layer"),
        ({f"unet.{MODULE}.lora_A.weight": (2, 4)}, "lacks one of its factors"),
        (
            {f"unet.{MODULE}.lora_A.weight": (2, 9), f"unet.{MODULE}.lora_B.weight": (6, 2)},
            "from 9 to 6 numbers, this model's from 4 to 6",
        ),
        (
            {f"unet.{MODULE}.lora_A.weight": (2, 4), f"unet.{MODULE}.lora_B.weight": (6, 3)},
            "goes from",
        ),
        ({f"lora_te2_{MODULE}.lora_down.weight": (2, 4)}, "belong to no layer"),
        ({f"unet.{MODULE}.diff": (5, 4)}, "another size"),
    ],
)
def test_another_models_layers(tensors: dict[str, tuple[int, ...]], why: str) -> None:
    with pytest.raises(Misfit, match=why):
        match(tensors, {"unet": UNET, "text_encoder": TEXT})


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_kinds_of_factors() -> None:
    down, up = _random(2, 4), _random(6, 2)
    alpha = torch.tensor(1.0)
    torch.testing.assert_close(change(WEIGHT, {"down": down, "up": up}), up @ down)
    half = change(WEIGHT, {"down": down, "up": up, "alpha": alpha})
    torch.testing.assert_close(half, up @ down / 2)
    a, b, c, d = _random(6, 2), _random(2, 4), _random(6, 2) * 2, _random(2, 4) * 3
    loha = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": alpha}
    torch.testing.assert_close(change(WEIGHT, loha), (a @ b) * (c @ d) / 2)
    w1, w2 = _random(3, 2), _random(2, 2)
    torch.testing.assert_close(
        change(WEIGHT, {"lokr_w1": w1, "lokr_w2": w2, "alpha": alpha}), torch.kron(w1, w2)
    )
    torch.testing.assert_close(change(WEIGHT, {"diff": WEIGHT + 2}), WEIGHT + 2)


def test_a_convolution_and_its_tucker_core() -> None:
    old = torch.zeros(6, 4, 3, 3)
    down, up, core = _random(2, 4, 1, 1), _random(6, 2, 1, 1), _random(2, 2, 3, 3)
    found = change(old, {"down": down, "up": up, "mid": core})
    inner = torch.nn.functional.conv2d(_image := _random(1, 4, 5, 5), down)
    expected = torch.nn.functional.conv2d(torch.nn.functional.conv2d(inner, core), up)
    torch.testing.assert_close(torch.nn.functional.conv2d(_image, found), expected)


def test_weight_decomposition_sets_the_length_of_each_output() -> None:
    old, down, up = _random(6, 4), _random(2, 4), _random(6, 2)
    size = torch.arange(1.0, 7.0)
    new = old + change(old, {"down": down, "up": up, "magnitude": size})
    torch.testing.assert_close(new.norm(dim=1), size)
    direction = old + up @ down
    torch.testing.assert_close(
        torch.nn.functional.normalize(new), torch.nn.functional.normalize(direction)
    )


def test_the_model_is_as_it_was_even_after_a_fault(engine: DiffusersEngine, folder: Path) -> None:
    parts = engine.parts()
    before = state(engine)
    path = folder / "adapters" / "one.safetensors"
    lora = Lora(name="one", digest=ref(path).digest)
    networks = {"unet": parts.unet, "text_encoder": parts.text_encoder}
    with pytest.raises(KeyError), merged(networks, [(lora, path), (lora, path)]):
        assert state(engine) != before
        raise KeyError
    assert state(engine) == before


def asked(engine: DiffusersEngine, path: Path) -> Any:
    told = Lora(name=path.stem, digest=ref(path).digest)
    return recipe(engine).change(conditionings=(told,))


def test_another_familys_file_is_refused_before_anything_is_loaded(
    folder: Path, sd15: Path
) -> None:
    path = write_lora(sd15, folder / "adapters" / "other.safetensors")
    engine = create(folder)
    with pytest.raises(RecipeRefused, match=r"does not go with tiny: .*no layer"):
        engine.check(asked(engine, path))
    assert engine._parts is None
    path.unlink()


def test_a_file_that_is_gone_or_changed_is_told_of(folder: Path) -> None:
    engine = create(folder)
    path = write_lora(folder, folder / "adapters" / "brief.safetensors", seed=8)
    order = asked(engine, path)
    engine.check(order)
    write_lora(folder, path, seed=9)
    with pytest.raises(ModelMissing, match=r"'brief' .*one of that name has other bytes"):
        engine.check(order)
    path.unlink()
    with pytest.raises(ModelMissing, match="not at hand"):
        list(engine.run([order], {}))


def test_a_misfit_that_only_loading_shows(engine: DiffusersEngine, tmp_path: Path) -> None:
    name, weight = next(iter(layers(engine.card.folder, "unet", "attn1.to_q").items()))
    down, up = factors(weight, 1)
    path = tmp_path / "bad.safetensors"
    save_file(
        {f"unet.{name}.lora_A.weight": down[:, :-1].clone(), f"unet.{name}.lora_B.weight": up}, path
    )
    networks = {"unet": engine.parts().unet}
    told = Lora(name="bad", digest="0" * 64)
    before = state(engine)
    with (
        pytest.raises(RecipeRefused, match="made for another model"),
        merged(networks, [(told, path)]),
    ):
        raise EngineFailed("never reached")
    assert state(engine) == before


def test_a_weight_of_nothing_changes_nothing(engine: DiffusersEngine, folder: Path) -> None:
    path = folder / "adapters" / "one.safetensors"
    told = Lora(name="one", digest=ref(path).digest, weight=0.0)
    (plain,), (none,) = (
        draw(engine, recipe(engine).change(conditionings=each)) for each in ((), (told,))
    )
    assert plain.image.tobytes() == none.image.tobytes()


def test_what_was_merged_last_is_merged_once(
    engine: DiffusersEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maquette.engines.diffusers.conditions import lora as module

    path = folder / "adapters" / "one.safetensors"
    networks = {"unet": engine.parts().network, "text_encoder": engine.parts().text_encoder}
    loaded: list[Path] = []
    load = module._load
    monkeypatch.setattr(module, "_load", lambda path: loaded.append(path) or load(path))

    def weights(weight: float) -> list[torch.Tensor]:
        told = Lora(name="one", digest=ref(path).digest, weight=weight)
        with merged(networks, [(told, path)]):
            return [p.data.clone() for n in networks.values() for p in n.parameters()]

    module._LAST.clear()
    before = [p.data.clone() for n in networks.values() for p in n.parameters()]
    first, again, less = weights(0.8), weights(0.8), weights(0.4)
    assert len(loaded) == 2
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, less, strict=True))
    after = [p.data for n in networks.values() for p in n.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    monkeypatch.setattr(module, "KEEP", 0)
    weights(0.5), weights(0.5)
    assert len(loaded) == 4, "what is too large is not kept"
