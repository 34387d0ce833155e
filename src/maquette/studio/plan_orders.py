"""Orders that are carried out by orders of their own: the loop over a picture, a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maquette import operations
from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.operations import settings
from maquette.stages.order import Order
from maquette.stages.plan import Brief, make_brief
from maquette.studio.datasets import open_dataset
from maquette.studio.steering import lacking

if TYPE_CHECKING:
    from maquette.studio.desk import Desk

__all__ = ["PlanOrders"]


class PlanOrders:
    """A method for each verb that goes on by itself; a worker carries them out."""

    _desk: Desk

    def improve(
        self,
        version: Version | str,
        *,
        until: float = 1.0,
        steps: int = 6,
        seconds: float | None = None,
    ) -> Order:
        """Mend what the critics find until the score reaches ``until``, ``steps`` versions or
        ``seconds`` of drawing are spent, or no remedy is left. The job's result: ``{best, before,
        after, ended, steps}``.

        Raises:
            SettingRefused: for a number out of its range.
        """
        version = self._desk.version(version)
        asked = {
            "until": settings.bounded("until", until, 0.0, 1.0),
            "steps": settings.whole("steps", steps, 1, 100),
            "seconds": None
            if seconds is None
            else settings.bounded("seconds", seconds, 0.0, 1e6, open_=True),
        }
        return Order("improve", (version.recipe,), (version.id,), arguments=asked)

    def campaign(self, brief: Brief | Mapping[str, Any]) -> Order:
        """Carry a campaign on as far as it goes. Its files go to ``campaigns/NAME`` in the
        project's folder. The job's result: ``{campaign, stage, waiting}``.

        Raises:
            BriefRefused: a faulty brief, or one that names files or folders of this machine.
            PromptRefused, SettingRefused, RecipeRefused: a brief that cannot be drawn.
            TrainingRefused, VersionUnknown: one that learns from what is not there.
        """
        asked = brief if isinstance(brief, Brief) else make_brief(brief)
        if asked.files:
            raise BriefRefused(
                "a brief that comes from elsewhere cannot name files of this machine",
                hint="import the picture and name its version",
            )
        if asked.deliver.folder != type(asked.deliver)().folder:
            raise BriefRefused(
                "a brief that comes from elsewhere cannot name a folder of this machine",
                hint="leave deliver.folder out: files go to campaigns/NAME in the project",
            )
        ways = [asked] if asked.otherwise is None else [asked, asked.instead()]
        books = [way.template.playbook for way in ways if way.template is not None]
        if any(book.endswith((".yaml", ".yml")) for book in books):
            raise BriefRefused(
                "a brief that comes from elsewhere cannot name files of this machine",
                hint="save the playbook in the project and name it",
            )
        if asked.train is not None:
            # By their ids: '@' is another version as soon as something was drawn.
            named = [self._desk.version(each["version"]).id for each in asked.train.pictures]
            if asked.train.dataset:
                open_dataset(self._desk, asked.train.dataset)
            pictures = tuple({"version": each} for each in named)
            train = asked.train.model_copy(update={"pictures": pictures})
            asked = asked.model_copy(update={"train": train})
        recipe = operations.generate(
            asked.prompts[0] if asked.prompts else asked.campaign,
            asked.negative,
            capabilities=self._desk.capabilities(),
            seed=asked.first_seed,
            size=asked.size,
            quality=asked.drafts.quality,
            steps=asked.drafts.steps,
            guidance=asked.drafts.guidance,
        )
        arguments = {"brief": asked.model_dump(mode="json")}
        return Order("campaign", (recipe,), arguments=arguments)

    def lacking(
        self,
        control: Sequence[Mapping[str, Any]] = (),
        reference: Sequence[Mapping[str, Any]] = (),
    ) -> tuple[list[str], list[str]]:
        """Of each control and reference of a brief, why it cannot be had here; empty where it
        can."""
        return lacking(self._desk, control, reference)
