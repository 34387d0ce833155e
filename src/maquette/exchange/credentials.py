"""Content credentials: C2PA manifests, written with c2pa-python and never over the network.

A picture with a history that began here has one manifest with the whole of it; the version it
was made from is an ingredient with the relationship ``inputTo``. One that began with an import
has the imported file as ``parentOf``: C2PA 2.x ties that relationship to ``c2pa.opened``, which a
manifest that starts with ``c2pa.created`` must not have.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import c2pa

from maquette.core.picture import decode_picture, encode_png
from maquette.core.recipe import Import
from maquette.core.version import Version
from maquette.errors import ExportRefused, MaquetteError
from maquette.exchange.containers import MIME, open_header
from maquette.exchange.keys import Identity
from maquette.exchange.maker import MAKER, MAKER_VERSION
from maquette.exchange.story import IMPORTED, PARENT, tell

__all__ = ["offline", "sign"]

_ALGORITHMS = {
    "ES256": c2pa.C2paSigningAlg.ES256,
    "ES384": c2pa.C2paSigningAlg.ES384,
    "ES512": c2pa.C2paSigningAlg.ES512,
    "PS256": c2pa.C2paSigningAlg.PS256,
    "ED25519": c2pa.C2paSigningAlg.ED25519,
}
_PNG = "image/png"
Ingredient = tuple[dict[str, str], bytes | None]


def offline(anchors_pem: str | None = None) -> c2pa.Context:
    """A context that fetches nothing and adds nothing by itself; close it after use."""
    settings: dict[str, Any] = {
        "version": 1,
        "core": {"allowed_network_hosts": []},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
        "builder": {
            # What we state ourselves, as against what we merely gathered from others.
            "created_assertion_labels": ["c2pa.actions", "c2pa.ingredient"],
            "thumbnail": {"enabled": False},
            "actions": {
                f"auto_{action}_action": {"enabled": False}
                for action in ("created", "opened", "placed")
            },
        },
    }
    if anchors_pem:
        settings["trust"] = {"user_anchors": anchors_pem}
    return c2pa.Context.from_dict(settings)


def sign(
    data: bytes,
    *,
    mime: str,
    chain: Sequence[Version],
    identity: Identity,
    prompts: bool = True,
    parent: bytes | None = None,
    original: bytes | None = None,
    imported: str | None = None,
    extra_actions: Sequence[dict[str, Any]] = (),
) -> bytes:
    """The file with its credentials. Nothing may be written into it afterwards.

    ``parent`` is the picture file that the last version was made from, ``original`` the file that
    the first was imported from, ``imported`` the digital source type that it declared.

    Raises:
        ExportRefused: the library would not sign this file with this identity.
    """
    version = chain[-1]
    ingredients = _ingredients(chain, prompts=prompts, parent=parent, original=original)
    has_parent = any(described["label"] == PARENT for described, _ in ingredients)
    actions = tell(chain, prompts=prompts, imported=imported, has_parent=has_parent)
    data_less = [described for described, content in ingredients if content is None]
    manifest = {
        "claim_generator_info": [{"name": MAKER, "version": MAKER_VERSION}],
        "title": f"{version.short}.{mime.rpartition('/')[2]}",
        "format": mime,
        "ingredients": data_less,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [*actions, *extra_actions], "allActionsIncluded": True},
            }
        ],
    }
    try:
        with (
            offline() as context,
            c2pa.Builder(json.dumps(manifest), context) as builder,
            c2pa.Signer.from_callback(
                identity.sign, _ALGORITHMS[identity.algorithm], identity.chain_pem, None
            ) as signer,
        ):
            for described, content in ingredients:
                if content is not None:
                    kind = MIME[open_header(content).format or "PNG"]
                    builder.add_ingredient(json.dumps(described), kind, io.BytesIO(content))
            signed = io.BytesIO()
            builder.sign(signer, mime, io.BytesIO(data), signed)
    except c2pa.C2paError as error:
        raise ExportRefused(
            f"the picture could not be signed: {error}",
            hint="check the signing certificate, or export without signing",
        ) from error
    return signed.getvalue()


def _ingredients(
    chain: Sequence[Version], *, prompts: bool, parent: bytes | None, original: bytes | None
) -> list[Ingredient]:
    found: list[Ingredient] = []
    for index, step in enumerate(chain):
        first = index == 0
        if not isinstance(step.recipe.task, Import) or (not first and step.operation == "rollback"):
            continue  # going back to an import brings nothing new in
        described = {
            "title": f"imported picture {step.short}",
            "relationship": "parentOf" if first else "componentOf",
            "label": IMPORTED if first else step.short,
            "format": _PNG,
        }
        content = original if first else None
        if first and chain[-1].parents[:1] == (step.id,):
            content, parent = content or parent, None  # the same picture, named once
        content = None if content is None else _fit(content, prompts=prompts)
        found.append((described, content))
        if content is not None:
            described["format"] = MIME[open_header(content).format or "PNG"]
    if parent is not None and chain[-1].parents:
        of = chain[-1].parents[0]
        short = next(step.short for step in chain if step.id == of)
        described = {
            "title": f"version {short}",
            "relationship": "inputTo",
            "label": PARENT,
            "format": _PNG,
        }
        found.append((described, _fit(parent, prompts=prompts)))
    return found


def _fit(content: bytes, *, prompts: bool) -> bytes:
    """The ingredient's file, or its bare pixels where the file itself cannot or must not go in.

    An ingredient's own credentials are copied whole into ours. They may hold its prompts, so a
    file goes in without them when prompts are left out.
    """
    try:
        if prompts and open_header(content).format in MIME:
            with offline() as context, c2pa.Builder({}, context) as builder:
                kind = MIME[open_header(content).format or "PNG"]
                builder.add_ingredient({"title": "-"}, kind, io.BytesIO(content))
            return content
    except c2pa.C2paError:
        pass
    try:
        return encode_png(decode_picture(content, name="an earlier picture of the history"))
    except MaquetteError as error:
        raise ExportRefused(str(error), hint="leave that picture out of the export") from error
