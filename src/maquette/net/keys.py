"""Keys of services: from the environment, or from the system's keyring where there is one."""

from __future__ import annotations

import importlib
import os

from pydantic import SecretStr

from maquette.errors import ServiceKeyRefused

__all__ = ["KEYRING", "find_key"]

KEYRING = "maquette"
"""The keyring's service under which keys are looked for; the user name is the variable's."""


def find_key(*variables: str, service: str, needed: bool = True) -> SecretStr | None:
    """The key in the first of these environment variables that is set, or in the keyring under
    the name of one of them (``keyring set maquette OPENAI_API_KEY``).

    Raises:
        ServiceKeyRefused: there is none and it is needed.
    """
    for name in variables:
        if value := os.environ.get(name, "").strip():
            return SecretStr(value)
    for name in variables:
        if value := _from_keyring(name):
            return SecretStr(value)
    if needed:
        raise ServiceKeyRefused(
            f"{service} wants a key, and there is none",
            hint=f"set {variables[0]}, or run 'keyring set {KEYRING} {variables[0]}'",
        )
    return None


def _from_keyring(name: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
    except ModuleNotFoundError:
        return ""
    try:
        return (keyring.get_password(KEYRING, name) or "").strip()
    except Exception:  # a locked or missing keyring is no key
        return ""
