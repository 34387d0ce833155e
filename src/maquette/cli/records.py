"""What ``--json`` prints: façade values as flat objects, and the page that promises their keys.

``KEYS`` is that page. It is written into docs/cli.md, and the tests hold every command to it:
a key is never renamed or taken away, only added.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maquette.core.finding import Finding
    from maquette.core.version import Version
    from maquette.storage.shelf import Entry
    from maquette.studio import Studio

__all__ = [
    "KEYS",
    "finding_record",
    "found_record",
    "log_record",
    "number",
    "picture_file",
    "show_record",
    "version_record",
]

_FINDING = {
    "name": "what to call it by in 'apply'",
    "severity": "note, warning or fault",
    "message": "what was noticed, in words",
    "words": "the words of the prompt that it is about",
    "suggestion": "null, or the remedy as {operation, arguments, says}",
}
_VERSION = {
    "version": "the full id",
    "parents": "the ids of the versions it was made from",
    "recipe_digest": "SHA-256 of the recipe's canonical JSON",
    "image": "path of its PNG file in the project, or null when blobs are not local files",
    "width": "pixels",
    "height": "pixels",
    "seconds": "time that the engine took",
    "findings": "a list of {name, severity, message, words, suggestion}",
}
_LOG = {
    **_VERSION,
    "operation": "what made it: generate, reweight, inpaint, …",
    "prompt": "the prompt as typed, or null",
    "created_at": "RFC 3339, UTC",
}

KEYS: dict[str, dict[str, str]] = {
    "studio": {
        "address": "what to open in a browser",
        "token": "what was made for whoever connects, or null",
        "loopback": "whether only this machine can reach it",
    },
    "worker": {
        "job": "the job's id",
        "project": "the project's folder",
        "operation": "what was to be done: generate, inpaint, replay, …",
        "status": "done, failed, cancelled, or queued when it was put back",
        "version": "the full id of what was made, or null",
        "seconds": "time that the job took",
        "message": "what went wrong, or empty",
    },
    "init": {"project": "the project's folder", "created": "false when it was there already"},
    "generate": _VERSION,
    "explore": _VERSION,
    "refine": _VERSION,
    "reweight": _VERSION,
    "inpaint": _VERSION,
    "outpaint": _VERSION,
    "vary": _VERSION,
    "upscale": _VERSION,
    "retouch": _VERSION,
    "restore": _VERSION,
    "logo": _VERSION,
    "composite": _VERSION,
    "layers": {
        "file": "the written file",
        "layers": "the names of its layers, the lowest first",
        "bytes": "its size",
        "digest": "its SHA-256",
    },
    "networks": {
        "name": "what --model of upscale and restore takes",
        "kind": "upscalers, restorers, detectors or recognisers",
        "family": "compact, rrdb, swinir, yunet, scrfd or onnx, or null",
        "scale": "how many times it enlarges; null when only running it would tell",
        "path": "its file",
        "digest": "SHA-256 of its file, or null",
        "problem": "why it cannot be used, or an empty text",
    },
    "curate": {
        "dataset": "the dataset's name",
        "number": "the picture's number in it, from 1",
        "source": "the file's name, or the version's id",
        "image": "SHA-256 of the picture as it is kept",
        "width": "pixels",
        "height": "pixels",
        "used": "whether a training learns from it",
        "caption": "what it shows",
        "told": "where the caption is from: typed, prompt, file or nobody",
        "reads": "the caption with the trigger, as a training reads it",
        "crop": "null, or the part that counts as [x, y, width, height]",
        "sharpness": "variance of its Laplacian",
        "remarks": "a list of {name, message, fatal}",
    },
    "train": {
        "training": "the training's digest",
        "name": "the adapter's name",
        "kind": "lora or embedding",
        "adapter": "the adapter's digest",
        "trigger": "the word that it answers to",
        "licence": "what was said of it",
        "parameters": "how many numbers it has",
        "steps": "how many steps it took",
        "seconds": "time that the steps took",
        "loss_first": "mean loss of the first tenth",
        "loss_last": "mean loss of the last tenth",
        "identity": "{base, trained, examples}: how much is there of what the pictures share",
        "samples": "versions drawn with it",
        "before": "the same prompts and seeds without it",
        "sheet": "SHA-256 of the picture of both, or null",
        "guide": "the prompt guide, as Markdown",
        "path": "the adapter's folder",
    },
    "trainings": {
        "training": "its digest",
        "name": "the adapter's name",
        "method": "lora, dreambooth or embedding",
        "trigger": "the word that it answers to",
        "examples": "how many pictures",
        "step": "how many steps are done",
        "steps": "of how many",
        "losses": "a list of [step, mean loss since the point before]",
        "sheets": "a list of [step, SHA-256 of the sheet]",
        "done": "whether it is finished",
        "report": "null, or as of train, without path",
    },
    "improve": {
        "version": "the full id of the best version, which may be the one that it began with",
        "before": "the score that it began with, 0 to 1",
        "after": "the best version's score",
        "ended": "reached, budget or exhausted",
        "seconds": "time that the engine took",
        "steps": "a list of {version, finding, remedy, score, better}",
    },
    "campaign": {
        "campaign": "its name",
        "stage": "where it stands: board, drafts, select, refine, polish, deliver or done",
        "waiting": "null, or {stage, says, versions, suggested} where a person is to choose",
        "drafts": "the ids of the drafts",
        "chosen": "the ids of the drafts that are finished",
        "finals": "the ids of the finished pictures, before polishing",
        "polished": "the ids of what goes out",
        "files": "paths of what was delivered",
        "ledger": "{stages: [{stage, pictures, estimate, seconds, money}], seconds, money,"
        " baseline, baseline_seconds, saved}",
    },
    "heatmap": {
        "token": "the word or phrase",
        "share": "its part of all words' attention, 0 to 1",
        "peak": "[x, y] of the hottest place, in pixels of the picture",
        "file": "the written picture, or null without -o",
    },
    "control": {
        "file": "where the map was written",
        "width": "in pixels",
        "height": "in pixels",
    },
    "mask": {
        "file": "the written mask",
        "pixels": "how many pixels are not black",
        "share": "that as a part of the picture, 0 to 1",
    },
    "log": _LOG,
    "find": {
        **_LOG,
        "star": "whether it is starred",
        "rating": "1 to 5, x for rejected, or null",
        "name": "what people call it, or empty",
        "score": "with --shows and --like: how near its picture is, 0 to 1; else null",
    },
    "show": {
        **_LOG,
        "negative": "the negative prompt, or null",
        "seed": "or null",
        "build": "what really ran: engine, libraries, device",
        "trace": "digest of its token maps, or null",
        "children": "the ids of the versions made from it",
        "recipe": "the recipe, every field",
        "origin": "what its words came from: template, playbook, row, values, flags; or empty",
        "locked": "the words that no change of it may remove or weaken",
    },
    "prompt": {
        "runs": "a list of [text, weight] as at the last step; BREAK weighs -1",
        "schedule": "a list of [until_step, text]: what is drawn up to which step",
        "parts": "a list of {text, weight}: what stands between ANDs",
        "loras": "a list of {name, weight, text_weight, span}",
        "words": "a list of {text, weight, span}",
        "problems": "a list of {span, message, severity}: what may not be meant so",
        "flags": "null, or what Midjourney's flags become: {prompt, negative, version, settings,"
        " references, done, left, problems}",
    },
    "template": {
        "text": "a prompt that the template says",
        "negative": "what its playbook keeps out",
        "locked": "the words that must stay in it",
        "row": "the row of --rows, from 1, or null",
        "ways": "how many ways there are to fill it, counted up to 10^15",
    },
    "fill": _VERSION,
    "play": {
        **_VERSION,
        "step": "the step of the chain",
        "picked": "whether the chain went on with it",
    },
    "playbook": {
        "playbook": "its name",
        "where": "the place in it, or empty",
        "ok": "false for a test that failed and for a template that cannot be used",
        "message": "what was found or done",
        "revision": "the number under which it is saved, or null",
        "before": "for diff: what was there, or null",
        "after": "for diff: what is there now, or null",
        "file": "the written document, or null",
    },
    "critique": {
        **_FINDING,
        "critic": "who noticed it",
        "score": "0 harmless to 1 as bad as it gets",
        "region": "null, or where it is, as {x, y, width, height}",
    },
    "select": {
        "version": "the full id; best first",
        "score": "0 to 1: focus and technique, less for faults, or a person's stars",
        "focus": "how concentrated the words' maps are, 0.1 to 1, or null without maps",
        "technique": "how well it is made, whatever it shows, 0 to 1",
        "faults": "the sum of the scores of its findings",
        "suggested": "its turn among the suggestions, from 1, or null",
        "reason": "why, in words",
    },
    "apply": _VERSION,
    "compare": {
        "changed_pixels": "how many pixels differ",
        "psnr": "dB, or null when the pictures are alike",
        "ssim": "structural similarity, 1 for alike",
        "faces": "likeness of the largest face of both, -1 to 1, or null",
        "words": "{added: [word], removed: [word], reweighted: [[word, from, to]]}",
        "parameters": "recipe fields that differ, each as [before, after]",
        "heat": "a list of {token, before, after}: shares of the attention",
        "file": "the written sheet, or null without -o",
    },
    "replay": {
        "verdict": "exact, close or different",
        "psnr": "dB, or null when exact or of another size",
        "reasons": "what was not as it was then",
    },
    "rollback": _VERSION,
    "export": {
        "file": "the written file",
        "format": "png, jpeg, webp, or comfyui for a workflow",
        "bytes": "its size",
        "digest": "its SHA-256",
        "signed": "whether it carries signed credentials",
        "pictures": "paths of the pictures that a workflow loads",
        "models": "files that a workflow needs, as FOLDER/NAME of ComfyUI's models",
        "notes": "what a workflow draws otherwise there",
    },
    "verify": {
        "state": "trusted, valid (signer unknown), invalid (changed or damaged) or unsigned",
        "actions": "what the file says was done to it, in order, each as {action, when, …}",
        "digital_source_type": "the IPTC term for how it came to be, or null",
        "problems": "what does not hold",
        "signer": "who signed it, or null",
    },
    "import": _VERSION,
    "models": {
        "name": "what --model takes",
        "path": "its folder, or its one file",
        "family": "sd, sdxl, sd3 or flux",
        "licence": "what it states, or an empty text",
        "digest": "SHA-256 over its files",
        "width": "the size that it is best at, in pixels",
        "height": "the size that it is best at, in pixels",
        "words": "how many words it knows, or null when its vocabulary is open",
        "default": "whether it is used when no other is named",
        "verified": "whether its files are as listed; null when there is no list, or not asked",
        "problem": "what is missing or damaged, or an empty text",
    },
    "adapters": {
        "kind": "lora, embedding, control, t2i-adapter or ip-adapter",
        "name": "what --lora, --embedding, --control KIND@NAME and --reference ROLE@NAME take",
        "path": "its file or folder",
        "conditions": "what a control network reads",
        "roles": "what a reference network is for",
        "licence": "as its files state it, or an empty text",
        "trigger": "the words that it answers to, or an empty text",
        "misfit": "why it does not go with the model, or an empty text",
        "numbers": "by how many numbers a recogniser must tell a face to it, or 0",
        "figures": "whether the poses that it reads are the shipped model's own figures",
    },
    "export-adapter": {
        "path": "the written file",
        "layout": "how its layers are called",
        "bytes": "the file's size",
    },
    "engines": {
        "engine": "what --engine takes",
        "model": "what --model takes, or which there are",
        "tasks": "what it draws; null when only the service knows",
        "sizes": "the sizes that there are, empty when they are free",
        "seeds": "whether the same seed draws the same picture",
        "weights": "whether words can weigh more and less",
        "negatives": "whether there is a negative prompt",
        "references": "how many pictures it can be shown beside the one to edit",
        "billed": "whether somebody sends a bill",
        "keys": "the variables that its key is looked for in",
        "key": "whether it is at hand; null when none is needed",
        "address": "the variable with its address, when it is not at its usual one",
        "retired": "the day on which the service took the model away, or an empty text",
    },
    "mcp": {
        "command": "of --setup: what an assistant starts",
        "args": "of --setup: with these arguments",
    },
    "ping": {
        "engine": "who was asked",
        "seconds": "after how long it answered",
        "says": "what it says of itself, or an empty text",
    },
    "intents": {
        "intent": "the request's id",
        "engine": "whom it was for",
        "recipe_digest": "SHA-256 of the recipe's canonical JSON",
        "outcome": "intended, submitted, submitted_unknown, settled, void or written_off",
        "open": "whether something may still come of it, or be billed",
        "amount": "what it cost, or may have cost",
        "currency": "of what",
        "handle": "what the service calls it",
        "image": "SHA-256 of the picture's PNG once it is here, or null",
        "message": "what happened, or an empty text",
        "at": "when it last changed",
    },
    "doctor": {
        "check": "what was looked at",
        "ok": "false when it must be mended",
        "detail": "what was found",
        "level": "ok, warn or fail",
        "remedy": "what to do, or an empty text",
    },
    "error": {
        "error": "the reason's class name",
        "message": "what happened",
        "hint": "what to do",
        "exit_code": "as in the table of exit codes",
    },
}
"""Command (or ``error``, which goes to stderr) to keys, each with what it says."""


def number(value: float | None, digits: int = 4) -> float | None:
    """A number that JSON can hold: rounded, and null for what is not finite."""
    return round(value, digits) if value is not None and math.isfinite(value) else None


def picture_file(studio: Studio, digest: str) -> str | None:
    """The path of a blob's file, or None when it is not a file on this machine."""
    path = getattr(studio.blobs, "path", None)
    found = path(digest) if callable(path) else None
    return str(found) if found is not None else None


def finding_record(finding: Finding, *, whole: bool = False) -> dict[str, Any]:
    """A finding; ``whole`` adds who said it, how bad it is and where."""
    record: dict[str, Any] = {
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "words": list(finding.words),
        "suggestion": finding.suggestion.model_dump(mode="json") if finding.suggestion else None,
    }
    if whole:
        record["critic"] = finding.critic
        record["score"] = number(finding.score)
        record["region"] = finding.region.model_dump(mode="json") if finding.region else None
    return record


def version_record(studio: Studio, version: Version) -> dict[str, Any]:
    """What every command that makes versions says of each."""
    return {
        "version": version.id,
        "parents": list(version.parents),
        "recipe_digest": version.recipe.digest,
        "image": picture_file(studio, version.image),
        "width": version.size.width,
        "height": version.size.height,
        "seconds": number(version.cost.seconds),
        "findings": [finding_record(finding) for finding in studio.findings(version)],
    }


def log_record(studio: Studio, version: Version) -> dict[str, Any]:
    """A version as the log tells of it."""
    return {
        **version_record(studio, version),
        "operation": version.operation,
        "prompt": version.recipe.prompt.text if version.recipe.prompt else None,
        "created_at": version.created_at.isoformat(),
    }


def found_record(studio: Studio, entry: Entry, score: float | None) -> dict[str, Any]:
    """A version that was looked for, with its marks."""
    labels = entry.labels
    rating = int(labels.rating) if labels.rating.isdigit() else labels.rating or None
    return {
        **log_record(studio, entry.version),
        "star": labels.star,
        "rating": rating,
        "name": labels.name,
        "score": number(score),
    }


def show_record(studio: Studio, version: Version) -> dict[str, Any]:
    """A version with everything that is known of it."""
    recipe = version.recipe
    return {
        **log_record(studio, version),
        "negative": recipe.prompt.negative if recipe.prompt else None,
        "seed": recipe.sampling.seed if recipe.sampling else None,
        "build": version.build,
        "trace": version.trace,
        "children": [child.id for child in studio.records.children(version.id)],
        "recipe": recipe.model_dump(mode="json"),
        "origin": studio.origin(version),
        "locked": list(studio.locked(version)),
    }
