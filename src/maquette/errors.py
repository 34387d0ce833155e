"""Everything that can go wrong, as one tree.

The class is the reason, the message says what happened, ``hint`` says what to do. ``exit_code``
is what the command line returns for it; no two reasons share one. 1 is an unforeseen fault and 2
a usage error, as everywhere.
"""

from __future__ import annotations

__all__ = [
    "AddressRefused",
    "AmbiguousVersion",
    "BlobDamaged",
    "BlobMissing",
    "BriefRefused",
    "BudgetReached",
    "BudgetSpent",
    "Cancelled",
    "EngineFailed",
    "ExportRefused",
    "ExtraMissing",
    "FindingUnknown",
    "JobLost",
    "JobUnknown",
    "KeyRefused",
    "MaquetteError",
    "MaskRefused",
    "ModelMissing",
    "ModelRefused",
    "Moderated",
    "PictureRefused",
    "ProjectMissing",
    "ProjectTooNew",
    "ProjectUnreadable",
    "PromptRefused",
    "RecipeRefused",
    "RequestUnderWay",
    "ServiceBusy",
    "ServiceFailed",
    "ServiceKeyRefused",
    "ServiceRefused",
    "ServiceUnreachable",
    "SettingRefused",
    "StorageFull",
    "SubmittedUnknown",
    "TraceMissing",
    "TrainingRefused",
    "VersionUnknown",
    "WordUnknown",
]


class MaquetteError(Exception):
    """A fault with a known reason. ``str()`` is one line: what happened."""

    exit_code = 1
    hint: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class VersionUnknown(MaquetteError):
    """No version answers to this id, prefix or ``@``."""

    exit_code = 10
    hint = "'maquette log' lists the versions of this project"


class AmbiguousVersion(MaquetteError):
    """A prefix that several versions share."""

    exit_code = 11
    hint = "give a few more characters of the id"


class PromptRefused(MaquetteError):
    """An empty or overlong prompt."""

    exit_code = 12


class SettingRefused(MaquetteError):
    """A seed, size, step count, weight or other number out of its range."""

    exit_code = 13


class MaskRefused(MaquetteError):
    """A mask that is empty or of another size than its picture."""

    exit_code = 14
    hint = "a mask is a picture of the version's size, white where the edit goes"


class PictureRefused(MaquetteError):
    """A file that is no picture, is damaged, or is too large to open safely."""

    exit_code = 15


class ProjectMissing(MaquetteError):
    """No project in this folder."""

    exit_code = 16
    hint = "run 'maquette init' here, or name one with --project DIR"


class ProjectUnreadable(MaquetteError):
    """A project folder that cannot be opened, read or written."""

    exit_code = 17


class ProjectTooNew(MaquetteError):
    """A project, recipe or version written by a newer Maquette."""

    exit_code = 18
    hint = "upgrade Maquette to open it; nothing was changed"


class StorageFull(MaquetteError):
    """No space left. Everything finished before stays as it is."""

    exit_code = 19
    hint = "free some space and run the command again; finished versions are safe"


class ModelMissing(MaquetteError):
    """A model that is not where it should be, or lacks a part."""

    exit_code = 20
    hint = "'maquette models' lists what is at hand"


class ModelRefused(MaquetteError):
    """A model that must not or cannot be loaded: pickled, damaged, or of an unknown shape."""

    exit_code = 21
    hint = "only safetensors are loaded; convert the checkpoint first"


class RecipeRefused(MaquetteError):
    """A recipe that this engine and model cannot honour."""

    exit_code = 22


class BlobMissing(MaquetteError):
    """A file that the records name is not in the blob store."""

    exit_code = 23


class BlobDamaged(MaquetteError):
    """A file in the blob store whose bytes no longer match its name."""

    exit_code = 24


class ExtraMissing(MaquetteError):
    """An optional part that is not installed; the hint is the install command."""

    exit_code = 25


class FindingUnknown(MaquetteError):
    """No finding of that name on this version, or one without a remedy."""

    exit_code = 26
    hint = "'maquette critique V' lists the findings and their names"


class WordUnknown(MaquetteError):
    """A word that the prompt does not hold."""

    exit_code = 27


class TraceMissing(MaquetteError):
    """A version without token maps."""

    exit_code = 28


class KeyRefused(MaquetteError):
    """A signing key or certificate that cannot be used."""

    exit_code = 29


class ExportRefused(MaquetteError):
    """A release file that cannot be written as asked."""

    exit_code = 30


class EngineFailed(MaquetteError):
    """An engine that broke down while it drew."""

    exit_code = 31


class JobUnknown(MaquetteError):
    """No job of this id."""

    exit_code = 32


class JobLost(MaquetteError):
    """A job that is no longer this process's: its lease ran out and another has taken it."""

    exit_code = 33
    hint = "nothing to do: whoever has the job now will finish it"


class AddressRefused(MaquetteError):
    """An address that is not fetched: no https, or of this machine or a private network."""

    exit_code = 40
    hint = "save the picture and import the file"


class ServiceUnreachable(MaquetteError):
    """A service that does not answer. Nothing was sent, so nothing is billed."""

    exit_code = 41
    hint = "check its address and the network, and order again"


class ServiceRefused(MaquetteError):
    """A request that a service does not accept. Nothing is billed."""

    exit_code = 42


class ServiceKeyRefused(MaquetteError):
    """No key for a service, or one that it does not accept."""

    exit_code = 43


class ServiceBusy(MaquetteError):
    """A service that takes no more requests for now. Nothing is billed."""

    exit_code = 44
    hint = "order again later; its own page says what the account's limits are"


class ServiceFailed(MaquetteError):
    """A service that broke down over a request, or whose answer cannot be used."""

    exit_code = 45


class Moderated(MaquetteError):
    """A service's content rules kept it from drawing this."""

    exit_code = 46
    hint = "word it differently, or draw it with another engine"


class SubmittedUnknown(MaquetteError):
    """A request that was sent and whose answer never came: it may have been carried out and
    billed, and is not sent again by itself."""

    exit_code = 47
    hint = "'maquette intents' says what is known of it and lets you write it off"


class RequestUnderWay(MaquetteError):
    """A request to a service that somebody is at work on right now: it cannot be given up yet."""

    exit_code = 50
    hint = "wait until its job has ended, or cancel the job first"


class BudgetSpent(MaquetteError):
    """A paid request that would go beyond the project's budget. Nothing was sent."""

    exit_code = 48
    hint = "raise MAQUETTE_BUDGET, or draw with an engine of your own"


class TemplateRefused(MaquetteError):
    """A template, playbook or brief that cannot be read or filled."""

    exit_code = 34


class WordLocked(MaquetteError):
    """A change that would remove or weaken a brand's locked words."""

    exit_code = 35


class BriefRefused(MaquetteError):
    """A campaign's brief that cannot be read or makes no sense."""

    exit_code = 36


class BudgetReached(MaquetteError):
    """A stage of a campaign that would go beyond its budget. It was not begun."""

    exit_code = 37
    hint = "raise the budget in the brief, or ask for less; what was made is kept"


class TrainingRefused(MaquetteError):
    """A dataset that cannot be learned from, or a training that cannot be carried out."""

    exit_code = 49


class Cancelled(MaquetteError):
    """Stopped by the person. What was finished is kept."""

    exit_code = 130
