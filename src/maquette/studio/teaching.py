"""Teaching: datasets curated, models taught, what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from maquette.core.adapter import AdapterKind
from maquette.core.canonical import canonical_json
from maquette.core.dataset import Dataset
from maquette.core.geometry import Box
from maquette.core.training import load_training
from maquette.engines.base import Adapting
from maquette.errors import (
    Cancelled,
    ExportRefused,
    RecipeRefused,
    SettingRefused,
    TrainingRefused,
)
from maquette.stages.release import write_whole
from maquette.stages.teaching import Progressed, Report, state_of, study
from maquette.studio.datasets import Source, added, edited, matched, open_dataset
from maquette.studio.queueing import Queueing

__all__ = ["Teaching"]


class Teaching(Queueing):
    """The verbs that teach a model something new."""

    def curate(
        self,
        name: str,
        pictures: Sequence[Source] = (),
        *,
        trigger: str | None = None,
        subject: str | None = None,
        licence: str | None = None,
        captions: Mapping[int, str] | None = None,
        keep: Iterable[int] = (),
        drop: Iterable[int] = (),
        crops: Mapping[int, Box | None] | None = None,
        exactly: bool = False,
    ) -> Dataset:
        """Make a dataset, add pictures to it, or change what is said of them; its new revision.

        ``pictures`` are versions, files, or folders with captions beside the files. ``trigger`` is
        the word that will stand for what they show (default: the dataset's name), ``subject`` what
        that is in words that the model knows. Duplicates, blurred, empty and too small pictures
        are left out, unless ``keep`` says otherwise; entries are counted from 1. With ``exactly``
        the dataset holds these pictures afterwards and no others, and what a person said of those
        that stay is kept.

        Raises:
            TrainingRefused: a name that is none, or too many pictures.
            PictureRefused, VersionUnknown, SettingRefused: nothing is changed then.
            StorageFull, ProjectUnreadable.
        """
        known = self.datasets.revisions(name)
        dataset = open_dataset(self, name) if known else _new(name)
        told = {"trigger": trigger, "subject": subject, "licence": licence}
        given = {key: value.strip() for key, value in told.items() if value is not None}
        if any(len(given.get(key, "")) > most for key, most in _LONGEST.items()):
            raise SettingRefused("a trigger has at most 60 characters, a subject or licence 200")
        dataset = dataset.model_copy(update=given)
        if exactly:
            dataset = matched(self, dataset, pictures)
        elif pictures:
            dataset = added(self, dataset, pictures)
        keep, drop = list(keep), list(drop)
        if captions or crops or keep or drop or "subject" in given:
            dataset = edited(self, dataset, captions=captions, keep=keep, drop=drop, crops=crops)
        self.datasets.save(name, canonical_json(dataset.model_dump(mode="json")))
        return dataset

    def dataset(self, name: str) -> Dataset:
        """A dataset as it stands.

        Raises:
            TrainingRefused: there is none of that name.
        """
        return open_dataset(self, name)

    def train(self, dataset: str | Path | Dataset, **how: Any) -> Report:
        """Teach the model what the pictures of a dataset share, now and in this process; with the
        arguments of ``orders.train``. The same call goes on with a training that was interrupted.

        Raises:
            TrainingRefused, SettingRefused: before anything is begun.
            Cancelled, EngineFailed, StorageFull: what was learned is kept.
        """
        order = self.orders.train(dataset, **how)
        return self.go_on(str(order.arguments["training"]))

    def go_on(self, training: str) -> Report:
        """Carry out a training by its digest, or go on with it.

        Raises:
            TrainingRefused, Cancelled, EngineFailed, StorageFull.
        """
        from maquette.exchange.maker import MAKER

        found = load_training(json.loads(self.blobs.get(training)))
        try:
            return study(found, self, maker=MAKER)
        except KeyboardInterrupt as stop:
            raise Cancelled("stopped; what was learned is kept: the same call goes on") from stop

    def export_adapter(self, name: str, path: str | Path, *, layout: str = "kohya") -> Path:
        """Write a LoRA, by its name or path, as programs read it that know no other layout than
        that of Kohya's scripts, or an adapter as it is (``layout="own"``); the file's path.

        Raises:
            ExportRefused: no such layout, no LoRA, one of another model, or a place that cannot
                be written.
            RecipeRefused: the engine takes no adapters.
            ModelMissing, ModelRefused: it is not there, or damaged.
            StorageFull.
        """
        engine, path = self.engine(), Path(path)
        if not isinstance(engine, Adapting):
            raise RecipeRefused(
                f"the engine '{engine.name}' takes no adapters", hint="the engine 'diffusers' does"
            )
        if path.suffix != ".safetensors":
            raise ExportRefused(
                f"no adapter is written as '{path.name}'", hint="end it in .safetensors"
            )
        kinds: tuple[AdapterKind, ...] = ("lora", "embedding")
        write_whole(path, engine.written(engine.find_adapter(name, *kinds), layout))
        return path

    def trainings(self) -> list[Progressed]:
        """Every training that was begun here, the latest first."""
        return [state_of(self.training_files, digest) for digest in self.training_files.all()]

    def training(self, reference: str) -> Progressed:
        """A training by its digest, a prefix of it, or its adapter's name (the latest of that).

        Raises:
            TrainingRefused: there is none.
        """
        for digest in self.training_files.all():
            if self.training_files.training(digest).get("name") == reference:
                return state_of(self.training_files, digest)
        return state_of(self.training_files, self.training_files.find(reference))


_LONGEST = {"trigger": 60, "subject": 200, "licence": 200}


def _new(name: str) -> Dataset:
    from maquette.core.training import NAME

    if not NAME.fullmatch(name):
        raise TrainingRefused(
            f"'{name[:60]}' cannot name a dataset", hint="use small letters, digits, - and _"
        )
    return Dataset(name=name)
