"""Verifying a picture file from anyone: who signed it, whether it was changed, how it was made.

C2PA 2.x through c2pa-python, offline: no remote manifest, no revocation query. Beside the
credentials, XMP's DigitalSourceType (IPTC Photo Metadata 2024) is read, which needs no signature
and proves nothing, but which honest tools write.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import c2pa
from pydantic import BaseModel, ConfigDict

from maquette.core.picture import MAX_BYTES
from maquette.errors import PictureRefused
from maquette.exchange.certificates import read_chain
from maquette.exchange.containers import Texts, read_texts, sniff
from maquette.exchange.credentials import offline
from maquette.exchange.story import PREFIX
from maquette.exchange.xmp import COMPOSITE, TRAINED, term

__all__ = ["Action", "Ingredient", "State", "Verdict", "verify"]

State = Literal["trusted", "valid", "invalid", "unsigned"]

_EARLIER = "in an earlier picture of its history"
_TRUSTED, _UNTRUSTED = "signingCredential.trusted", "signingCredential.untrusted"
_CHANGED = "the picture was changed after it was signed"
_DAMAGED = "the credentials in this file are damaged and cannot be read"
_MISPLACED = "remains of credentials are in this file, but not where they belong"
_CUT = "the file is damaged or cut short"
_PLAIN = {
    _UNTRUSTED: "signed by someone who is not on your list of trusted signers",
    "assertion.dataHash.mismatch": _CHANGED,
    "assertion.bmffHash.mismatch": _CHANGED,
    "assertion.boxesHash.mismatch": _CHANGED,
    "assertion.hashedURI.mismatch": "the history in the credentials was changed after signing",
    "assertion.missing": "a part of the credentials is missing",
    "claimSignature.mismatch": "the signature does not belong to these credentials",
    "claimSignature.missing": "the credentials hold no signature",
    "claimSignature.outsideValidity": "the signer's certificate is not valid at this time",
    "signingCredential.invalid": "the signer's certificate is not fit for signing pictures",
    "signingCredential.expired": "the signer's certificate has expired",
    "signingCredential.revoked": "the signer's certificate was revoked",
    "signingCredential.ocsp.revoked": "the signer's certificate was revoked",
    "timeStamp.mismatch": "the time stamp does not belong to this signature",
    "timeStamp.untrusted": "the time stamp's issuer is not on your list of trusted signers",
    "ingredient.hashedURI.mismatch": "the history of an earlier picture was changed",
    "ingredient.manifest.mismatch": "the history of an earlier picture was changed",
    "ingredient.claimSignature.mismatch": "the signature of an earlier picture does not fit",
}


class Action(BaseModel):
    """One step of a picture's history, as its signer states it.

    ``details`` holds the parameters that are plain text; ours without their prefix (``version``,
    ``recipe_digest``, ``prompt`` …).
    """

    model_config = ConfigDict(frozen=True)
    action: str
    when: str = ""
    description: str = ""
    software: str = ""
    digital_source_type: str | None = None
    details: Mapping[str, str] = {}


class Ingredient(BaseModel):
    """A picture that this one was made from. ``signed`` tells whether its own credentials came."""

    model_config = ConfigDict(frozen=True)
    title: str = ""
    relationship: str = ""
    signed: bool = False


class Verdict(BaseModel):
    """What a file's credentials are worth.

    ``trusted``: intact and signed by someone on the list that was given. ``valid``: intact, the
    signer unknown. ``invalid``: changed or damaged; what it tells may be false. ``unsigned``: no
    credentials. ``signed_at`` needs a time stamp; without one nobody vouches for the time.
    """

    model_config = ConfigDict(frozen=True)
    state: State
    signer: str = ""
    signed_at: datetime | None = None
    generator: str = ""
    digital_source_type: str | None = None
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    problems: tuple[str, ...] = ()


def verify(data: bytes, anchors_pem: str | None = None, *, texts: Texts | None = None) -> Verdict:
    """Judge a picture file. ``anchors_pem`` holds the certificates of those the person trusts.

    ``texts`` saves decoding the picture again where its metadata was read already.

    Raises:
        PictureRefused: no picture of a known format, or too large to open safely.
        KeyRefused: ``anchors_pem`` holds no certificates.
    """
    if anchors_pem:
        read_chain(anchors_pem)
    remains = b"c2pa.assertions" in data or b"c2pa.signature" in data
    try:
        texts = texts or read_texts(data)
    except PictureRefused:
        if not remains or sniff(data) is None or len(data) > MAX_BYTES:
            raise
        texts = Texts(damaged=True)  # it was a signed picture once: say what is left of it
    declared = term(texts.xmp.get("Iptc4xmpExt:DigitalSourceType"))
    mime = sniff(data)
    if mime is None:
        return Verdict(
            state="unsigned",
            digital_source_type=declared,
            problems=(_CUT,) if texts.damaged else (),
        )
    try:
        with (
            offline(anchors_pem) as context,
            c2pa.Reader(mime, io.BytesIO(data), context=context) as reader,
        ):
            report = json.loads(reader.json())
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        state, problem = _unreadable(str(error), remains=remains)
        problems = [problem] if problem else []
        if texts.damaged:
            problems.append(_CUT)
        return Verdict(state=state, problems=tuple(problems), digital_source_type=declared)
    verdict = _verdict(report, declared)
    if texts.damaged:
        verdict = verdict.model_copy(update={"problems": (*verdict.problems, _CUT)})
    return verdict


def _unreadable(error: str, *, remains: bool) -> tuple[State, str]:
    if error.startswith("ManifestNotFound"):
        return "unsigned", _MISPLACED if remains else ""
    if error.startswith("Remote"):
        found = re.search(r"https?://[^\s\"']{1,300}", error)
        where = f" ({found[0]})" if found else ""
        return "unsigned", f"its credentials are kept elsewhere{where} and were not fetched"
    return ("invalid", _DAMAGED) if remains else ("unsigned", "")


def _verdict(report: Mapping[str, Any], declared: str | None) -> Verdict:
    manifests = _mapping(report.get("manifests"))
    active = _mapping(manifests.get(str(report.get("active_manifest"))))
    states: dict[Any, State] = {"Trusted": "trusted", "Valid": "valid"}
    state = states.get(report.get("validation_state"), "invalid")
    problems = list(dict.fromkeys(_problems(report, active)))
    if state == "invalid" and not problems:
        problems.append(_DAMAGED)
    signature = _mapping(active.get("signature_info"))
    generators = _list(active.get("claim_generator_info"))
    generator = _mapping(generators[0]) if generators else {}
    return Verdict(
        state=state,
        signer=_text(signature.get("issuer")) or _text(signature.get("common_name")),
        signed_at=_moment(signature.get("time")),
        generator=" ".join(
            word for word in (_text(generator.get("name")), _text(generator.get("version"))) if word
        ),
        digital_source_type=_source_type(manifests, active, 8) or declared,
        actions=tuple(_actions(active)),
        ingredients=tuple(
            Ingredient(
                title=_text(item.get("title")),
                relationship=_text(item.get("relationship")),
                signed="active_manifest" in item,
            )
            for item in map(_mapping, _list(active.get("ingredients")))
        ),
        problems=tuple(problems),
    )


def _problems(report: Mapping[str, Any], active: Mapping[str, Any]) -> Iterator[str]:
    results = _mapping(report.get("validation_results"))
    for failure in _list(_mapping(results.get("activeManifest")).get("failure")):
        yield _plain(_mapping(failure))
    vouched: set[str] = set()
    for delta in map(_mapping, _list(results.get("ingredientDeltas"))):
        found = _mapping(delta.get("validationDeltas"))
        for failure in _list(found.get("failure")):
            yield f"{_EARLIER}: {_plain(_mapping(failure))}"
        if any(_mapping(s).get("code") == _TRUSTED for s in _list(found.get("success"))):
            vouched.add(_text(delta.get("ingredientAssertionURI")).rpartition("/")[2])
    # What the signer already knew about the pictures that went into this one.
    for ingredient in map(_mapping, _list(active.get("ingredients"))):
        known = _mapping(_mapping(ingredient.get("validation_results")).get("activeManifest"))
        for failure in map(_mapping, _list(known.get("failure"))):
            if failure.get("code") != _UNTRUSTED or ingredient.get("label") not in vouched:
                yield f"{_EARLIER}: {_plain(failure)}"


def _plain(failure: Mapping[str, Any]) -> str:
    code = _text(failure.get("code"))
    known = _PLAIN.get(code)
    return known or f"the credentials fail a check ({code or 'unnamed'})"


def _actions(manifest: Mapping[str, Any]) -> Iterator[Action]:
    for assertion in map(_mapping, _list(manifest.get("assertions"))):
        if not _text(assertion.get("label")).startswith("c2pa.actions"):
            continue
        for action in map(_mapping, _list(_mapping(assertion.get("data")).get("actions"))):
            agent = action.get("softwareAgent")
            software = _text(_mapping(agent).get("name")) or _text(agent)
            yield Action(
                action=_text(action.get("action")),
                when=_text(action.get("when")),
                description=_text(action.get("description")),
                software=software,
                digital_source_type=term(_text(action.get("digitalSourceType"))),
                details={
                    str(key).removeprefix(PREFIX): value
                    for key, value in _mapping(action.get("parameters")).items()
                    if isinstance(value, str)
                },
            )


def _source_type(
    manifests: Mapping[str, Any], manifest: Mapping[str, Any], depth: int
) -> str | None:
    """The source type of the whole: a composite if any step was, else the first that is named,

    else that of the signed picture that this one was opened from.
    """
    types = [action.digital_source_type for action in _actions(manifest)]
    named = [name for name in types if name and name != "empty"]
    if COMPOSITE in named:
        return COMPOSITE
    if named:
        return TRAINED if TRAINED in named else named[0]
    for item in map(_mapping, _list(manifest.get("ingredients"))):
        older = manifests.get(_text(item.get("active_manifest")))
        if depth and item.get("relationship") == "parentOf" and older is not None:
            return _source_type(manifests, _mapping(older), depth - 1)
    return None


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
