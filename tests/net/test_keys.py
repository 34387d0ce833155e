from __future__ import annotations

import sys
import types

import pytest

from maquette.errors import ServiceKeyRefused
from maquette.net import find_key


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECOND_KEY", " hidden-key ")
    found = find_key("FIRST_KEY", "SECOND_KEY", service="it")
    assert found is not None and found.get_secret_value() == "hidden-key"
    assert "hidden-key" not in f"{found} {found!r}"


def test_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = types.SimpleNamespace(
        get_password=lambda service, name: (
            "from-ring" if (service, name) == ("maquette", "A_KEY") else None
        )
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    found = find_key("A_KEY", service="it")
    assert found is not None and found.get_secret_value() == "from-ring"


def test_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(ServiceKeyRefused) as told:
        find_key("A_KEY", service="The service")
    assert "A_KEY" in told.value.hint
    assert find_key("A_KEY", service="it", needed=False) is None
