"""The contract of intents, over every implementation."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path

import pytest
from tests.storage.making import DAWN

from maquette.core.cost import Money
from maquette.core.intent import Intent, Outcome, make_intent
from maquette.errors import BudgetSpent
from maquette.storage.base import Intents
from maquette.storage.memory_intents import MemoryIntents
from maquette.storage.sql import SqlRecords
from maquette.storage.sql_intents import SqlIntents

RECIPE = "a" * 64


def money(amount: str) -> Money:
    return Money(amount=Decimal(amount))


def intent(amount: str = "0.04", recipe: str = RECIPE) -> Intent:
    return make_intent("job", "openai", recipe, money=money(amount), handle={"id": "x"}, at=DAWN)


@pytest.fixture(params=["memory", "sql"])
def intents(request: pytest.FixtureRequest, tmp_path: Path) -> Intents:
    if request.param == "memory":
        return MemoryIntents()
    return SqlIntents(SqlRecords.create(tmp_path / "records.sqlite", "boats").database)


def test_it_is_one(intents: Intents) -> None:
    assert isinstance(intents, Intents)
    assert intents.all() == [] == intents.of(RECIPE)


def test_the_newest_row_counts(intents: Intents) -> None:
    one, two = intent(), intent(recipe="b" * 64)
    intents.open(one)
    intents.open(two)
    settled = one.to(Outcome.SETTLED, DAWN, money=money("0.05"), image="c" * 64, message="\ud800\n")
    intents.move(settled)
    assert intents.of(RECIPE) == [settled]
    assert intents.all() == [two, settled]
    assert two.open and not settled.open


def test_a_budget_is_held(intents: Intents) -> None:
    budget = money("0.10")
    first, second, third = intent("0.06"), intent("0.04"), intent("0.01")
    intents.open(first, budget)
    intents.open(second, budget)
    with pytest.raises(BudgetSpent, match=r"0\.1 USD"):
        intents.open(third, budget)
    assert len(intents.all()) == 2
    intents.move(second.to(Outcome.VOID, DAWN))
    intents.open(third, budget)
    intents.move(first.to(Outcome.SETTLED, DAWN, money=money("0.09")))
    with pytest.raises(BudgetSpent):
        intents.open(intent("0.01"), budget)
    intents.open(intent("0"), budget)  # what costs nothing is never over it
    with pytest.raises(BudgetSpent, match="EUR"):
        intents.open(intent("0.01"), Money(amount=Decimal(9), currency="EUR"))


def test_many_cannot_spend_the_same_money(intents: Intents) -> None:
    refused: list[BudgetSpent] = []

    def spend() -> None:
        for _ in range(5):
            try:
                intents.open(intent("0.01"), money("0.12"))
            except BudgetSpent as error:
                refused.append(error)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(intents.all()) == 12 and len(refused) == 8
