"""The bill of materials of a release as CycloneDX 1.6 JSON (ECMA-424)."""

from __future__ import annotations

import re
import uuid
from urllib.parse import quote

import msgspec

from sixfold.domain.data import Json
from sixfold.domain.errors import UsageError
from sixfold.domain.evidence import Component
from sixfold.domain.view import RunView

_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""The name space of addresses (RFC 9562): the same tree gets the same serial number."""
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


def document(view: RunView) -> str:
    """Packages the offered release was validated with; tools of the tests are `excluded` from the product.

    Raises:
        UsageError: nothing was validated yet, so nothing is known about its packages.
    """
    offer = view.offer
    if offer is None:
        raise UsageError(f"{view.run or 'the run'} offers no release yet", next=f"sixfold show {view.run or 'RUN'}")
    name = re.sub(r"[^a-z0-9]+", "-", view.title.lower()).strip("-") or "product"
    product = f"pkg:generic/{name}@{offer.tree}"
    parts = [one for one in offer.components if not one.tool]
    content: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, offer.tree)}",
        "version": 1,
        "metadata": {
            "timestamp": view.last_at,
            "tools": {"components": [{"type": "application", "name": "sixfold", "version": view.version}]},
            "component": {
                "type": "application",
                "bom-ref": product,
                "name": name,
                "version": offer.tree,
                "description": view.title,
                "properties": [
                    {"name": "sixfold:run", "value": view.run},
                    {"name": "sixfold:commit", "value": view.commit},
                ],
            },
        },
        "components": [_component(one) for one in offer.components],
        "dependencies": [
            {"ref": product, "dependsOn": [_address(one) for one in parts]},
            *({"ref": _address(one)} for one in offer.components),
        ],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _address(one: Component) -> str:
    plain = re.sub(r"[-_.]+", "-", one.name).lower()
    return f"pkg:pypi/{quote(plain)}@{quote(one.version)}"


def _component(one: Component) -> Json:
    content: Json = {
        "type": "library",
        "bom-ref": _address(one),
        "name": one.name,
        "version": one.version,
        "purl": _address(one),
        "scope": "excluded" if one.tool else "required",
    }
    if one.licence:
        # A single SPDX-like token may be an expression; anything else is only a name.
        known = _EXPRESSION.fullmatch(one.licence)
        content["licenses"] = [{"expression": one.licence}] if known else [{"license": {"name": one.licence}}]
    return content
