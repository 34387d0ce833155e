"""ComfyUI: the service contract, its own graphs, workflows with holes, lost prompts."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.engines.making import digest, draw, mask, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.vendors.comfyui import MODELS, ComfyUIVendor
from tests.vendors.serving import Fault

from maquette import Settings, Studio
from maquette.core.geometry import Box, Size
from maquette.core.intent import Outcome
from maquette.core.picture import encode_png
from maquette.core.recipe import Inpaint, Lora
from maquette.engines.base import Adapting, Engine, Picture, Preview, Progress
from maquette.engines.comfyui import create
from maquette.engines.comfyui.graphs import read_workflow
from maquette.engines.services.edits import to_size
from maquette.errors import (
    EngineFailed,
    ExportRefused,
    ModelMissing,
    ModelRefused,
    RecipeRefused,
    ServiceUnreachable,
)
from maquette.studio.workflows import workflow_of


@pytest.fixture
def vendor() -> Iterator[ComfyUIVendor]:
    yield from closing(ComfyUIVendor())


class Base(ServiceEngine):
    size = (512, 512)
    made = "/prompt"
    found_again = True
    seeds = True


class TestComfyUI(Base):
    @pytest.fixture
    def engine(self, vendor: ComfyUIVendor) -> Engine:
        return create(url=vendor.url)

    def test_the_graph(self, engine: Engine, vendor: ComfyUIVendor) -> None:
        text = r"a ((red:1.2) boat:1.5) \(old\) [fog]"
        draw(engine, self.ask(engine, text, negative="rain", seed=7, sampler="euler-a", guidance=6))
        graph = vendor.asked("/prompt")[-1].json()["prompt"]
        assert graph["model"]["inputs"]["ckpt_name"] == MODELS[0]
        assert graph["prompt"]["inputs"]["text"] == (
            r"a (red:1.8)( boat:1.5) \(old\) (fog:0.909091)"
        )
        sampler = graph["sampler"]["inputs"]
        assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (7, 8, 6)
        assert (sampler["sampler_name"], sampler["denoise"]) == ("euler_ancestral", 1.0)
        assert graph["negative"]["inputs"]["text"] == "rain"
        for node in graph.values():  # every wire leads to a node that is there
            for value in node["inputs"].values():
                assert not isinstance(value, list) or value[0] in graph

    def test_the_mask_is_white_where_it_draws(self, engine: Engine, vendor: ComfyUIVendor) -> None:
        start, edit = photo(512, 512), mask(512, 512, Box(x=10, y=20, width=300, height=200))
        whole = Box(x=0, y=0, width=512, height=512)
        task = Inpaint(
            image=digest(start),
            mask=digest(edit),
            region=whole,
            work=Size(width=512, height=512),
            strength=0.7,
        )
        draw(engine, self.ask(engine, task=task), {digest(start): start, digest(edit): edit})
        graph = vendor.asked("/prompt")[-1].json()["prompt"]
        drawing = graph["sampler"]["inputs"]
        # The last 0.7 of 8 steps: as many as are drawn here.
        assert (drawing["steps"], drawing["start_at_step"]) == (8, 3)
        assert graph["mask"]["inputs"]["channel"] == "red"
        sent = vendor.uploads[graph["mask"]["inputs"]["image"]]
        import io

        from PIL import Image

        white = Image.open(io.BytesIO(sent)).convert("L")
        assert white.getpixel((20, 30)) == 255 and white.getpixel((500, 500)) == 0

    @pytest.mark.parametrize("sockets", [True, False])
    def test_progress_and_previews(self, sockets: bool) -> None:
        vendor = ComfyUIVendor(step=0.1, sockets=sockets)
        engine = create(url=vendor.url)
        events = list(engine.run([self.ask(engine)], {}, previews=True))
        steps = [event.step for event in events if isinstance(event, Progress)]
        assert steps == ([1, 2, 3] if sockets else [1])
        assert any(isinstance(event, Preview) for event in events) is sockets
        vendor.close()

    def test_a_model_by_name(self, vendor: ComfyUIVendor) -> None:
        moons = create("moons", vendor.url)
        assert moons.capabilities().model is not None
        assert moons.capabilities().model.name == "moons.safetensors"  # type: ignore[union-attr]
        with pytest.raises(ModelMissing, match="suns") as told:
            create("suns", vendor.url).capabilities()
        assert "boats-v1" in told.value.hint

    def test_a_node_that_breaks_down(self, engine: Engine, vendor: ComfyUIVendor) -> None:
        vendor.breaks = "griffin"
        desk = Desk(engine, self.ask(engine, "a griffin"))
        with pytest.raises(EngineFailed, match="KSampler: out of memory"):
            desk.run()
        assert desk.last.outcome is Outcome.VOID

    def test_a_restart_in_the_middle(self) -> None:
        vendor = ComfyUIVendor(step=0.3)
        engine = create(url=vendor.url)
        desk = Desk(engine, self.ask(engine))
        vendor.on_request = lambda asked: vendor.forget() if "/queue" in asked.path else None
        with pytest.raises(EngineFailed, match="lost"):
            desk.run()
        vendor.on_request = None
        assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn == 1
        vendor.close()

    def test_what_broke_off_is_found_again(self, engine: Engine, vendor: ComfyUIVendor) -> None:
        vendor.faults += [Fault("before", "/view")] * 4
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(Exception, match="broke off"):
            desk.run()
        assert desk.last.outcome is Outcome.SUBMITTED
        assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn == 1 and len(vendor.asked("/prompt", "POST")) == 1

    def test_cancelling_is_passed_on(self) -> None:
        from maquette.engines.base import Cancel
        from maquette.errors import Cancelled

        vendor, cancel = ComfyUIVendor(step=0.5), Cancel()
        engine = create(url=vendor.url)
        with pytest.raises(Cancelled):
            for event in engine.run([self.ask(engine)], {}, cancel=cancel):
                if isinstance(event, Progress):
                    cancel.set()
        assert vendor.interrupted
        vendor.close()

    def test_away_is_said_before_anything(self) -> None:
        with pytest.raises(ServiceUnreachable, match="ComfyUI"):
            create(url="http://127.0.0.1:9").capabilities()


GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": "{{seed}}", "steps": "{{ steps }}", "cfg": 7, "denoise": 1},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}}, best of all"}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}


def workflow(folder: Path, graph: Any = GRAPH) -> Path:
    file = folder / "mine.json"
    file.write_text(graph if isinstance(graph, str) else json.dumps(graph))
    return file


class TestWorkflow(Base):
    @pytest.fixture
    def engine(self, vendor: ComfyUIVendor, tmp_path: Path) -> Engine:
        return create(str(workflow(tmp_path)), vendor.url)

    def test_the_graph(self, engine: Engine, vendor: ComfyUIVendor) -> None:
        asked = self.ask(engine, "a red boat", seed=7, negative="fog")
        draw(engine, asked)
        graph = vendor.asked("/prompt")[-1].json()["prompt"]
        assert graph["3"]["inputs"] == {"seed": 7, "steps": 8, "cfg": 7, "denoise": 1}
        assert graph["6"]["inputs"]["text"] == "a red boat, best of all"
        said = {item.asked for item in engine.check(asked)}
        assert said == {"guidance 5", "sampler dpm++", "size 512x512", "fog"}

    def test_tasks_are_those_of_its_holes(self, vendor: ComfyUIVendor, tmp_path: Path) -> None:
        graph = {**GRAPH, "1": {"class_type": "LoadImage", "inputs": {"image": "{{image}}"}}}
        engine = create(str(workflow(tmp_path, graph)), vendor.url)
        assert engine.capabilities().tasks == {"image-to-image"}
        with pytest.raises(RecipeRefused, match="text-to-image"):
            engine.check(self.ask(engine))

    @pytest.mark.parametrize(
        "graph",
        [
            "no json", "[]", "{}", '{"nodes": []}', "[" * 10_000,
            {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "no hole"}}},
            {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{{prompt}} {{moon}}"}}},
        ],
    )  # fmt: skip
    def test_what_is_no_workflow(self, tmp_path: Path, graph: Any) -> None:
        with pytest.raises(ModelRefused):
            read_workflow(workflow(tmp_path, graph))

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelMissing):
            create(str(tmp_path / "none.json"))


class TestItsOwnAdapters:
    """LoRAs and ControlNets of the server, through the façade: by name, tag and condition."""

    @pytest.fixture
    def studio(self, vendor: ComfyUIVendor, tmp_path: Path) -> Iterator[Studio]:
        home = Settings(engine="comfyui", comfyui_url=vendor.url, home=tmp_path / "home")
        with Studio(tmp_path / "project", create=True, settings=home) as studio:
            yield studio

    def test_what_it_has(self, studio: Studio) -> None:
        engine = studio.engine()
        assert isinstance(engine, Adapting)
        found = [(each.kind, each.name, each.conditions) for each in engine.adapters()]
        assert found == [
            ("lora", "ink", ()),
            ("lora", "wash", ()),
            ("control", "control_v11p_sd15_canny", ("canny",)),
        ]
        with pytest.raises(ModelMissing, match="oil"):
            studio.generate("a boat", lora={"oil": 1.0})
        with pytest.raises(ExportRefused):
            engine.written(engine.find_adapter("ink", "lora"), "kohya")

    def test_the_graph(self, studio: Studio, vendor: ComfyUIVendor) -> None:
        edges = photo(512, 512)
        (version,) = studio.generate(
            "a boat <lora:wash:0.4:0.7>",
            lora={"ink": 0.8},
            control=[{"condition": "canny", "image": edges, "strength": 0.6, "end": 0.5}],
            seed=7,
        )
        graph = vendor.asked("/prompt")[-1].json()["prompt"]
        assert [
            (node["inputs"]["lora_name"], node["inputs"]["strength_model"],
             node["inputs"]["strength_clip"])
            for node in graph.values() if node["class_type"] == "LoraLoader"
        ] == [("styles/ink.safetensors", 0.8, 0.8), ("wash.safetensors", 0.7, 0.4)]  # fmt: skip
        assert graph["prompt"]["inputs"]["text"].strip() == "a boat"
        assert graph["prompt"]["inputs"]["clip"] == ["LoRA 2", 1]
        assert graph["sampler"]["inputs"]["model"] == ["LoRA 2", 0]
        steer = graph[graph["sampler"]["inputs"]["positive"][0]]
        assert steer["class_type"] == "ControlNetApplyAdvanced"
        assert (steer["inputs"]["strength"], steer["inputs"]["end_percent"]) == (0.6, 0.5)
        shown = graph[steer["inputs"]["image"][0]]["inputs"]["image"]
        assert digest(Image.open(io.BytesIO(vendor.uploads[shown]))) == digest(edges)
        kinds = [each.kind for each in version.recipe.conditionings]
        assert kinds == ["lora", "lora", "control"]

    def test_a_structure_inside_a_mask(self, studio: Studio, vendor: ComfyUIVendor) -> None:
        edges = photo(1024, 768)
        version, _ = studio.import_picture(encode_png(edges))
        place = mask(1024, 768, Box(x=40, y=60, width=120, height=100))
        shown: list[dict[str, Any]] = [{"condition": "canny", "image": edges}]
        done = studio.inpaint(version, place, "a moon", control=shown)
        graph = vendor.asked("/prompt")[-1].json()["prompt"]
        steer = graph[graph["sampler"]["inputs"]["positive"][0]]["inputs"]
        name = graph[steer["image"][0]]["inputs"]["image"]
        task = done.recipe.task
        assert isinstance(task, Inpaint) and task.region.width < 1024
        cut = edges.convert("RGB").crop(task.region.corners)
        there = Image.open(io.BytesIO(vendor.uploads[name]))
        assert digest(there) == digest(to_size(cut, task.work))

    def test_a_workflow_keeps_a_folder(self, studio: Studio, tmp_path: Path) -> None:
        (version,) = studio.generate("a boat", lora={"ink": 0.8}, seed=7)
        graph = workflow_of(studio, [version]).graph
        named = [n["inputs"]["lora_name"] for n in graph.values() if "lora_name" in n["inputs"]]
        assert named == ["styles/ink.safetensors"]

    def test_what_it_is_not_given(self, studio: Studio, vendor: ComfyUIVendor) -> None:
        (version,) = studio.generate("a boat", seed=7)
        before = len(vendor.asked("/prompt"))
        with pytest.raises(RecipeRefused, match="reference"):
            studio.generate("a boat", reference=[{"role": "style", "image": photo(64, 64)}])
        foreign = Lora(name="ink", digest="a" * 64)
        with pytest.raises(RecipeRefused, match="lora 'ink'"):
            studio.engine().check(version.recipe.change(conditionings=(foreign,)))
        assert len(vendor.asked("/prompt")) == before
