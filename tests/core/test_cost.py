"""What a picture cost, exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maquette.core.cost import Cost, Money

CENTS = st.decimals(0, 1000, places=4)


@given(CENTS, CENTS)
def test_money_adds_up_exactly(a: Decimal, b: Decimal) -> None:
    assert (Money(amount=a) + Money(amount=b)).amount == a + b


def test_ten_times_a_tenth_is_one() -> None:
    total = Money()
    for _ in range(10):
        total += Money(amount=Decimal("0.1"))
    assert str(total) == "1 USD"


@pytest.mark.parametrize(
    ("amount", "text"), [("0.0400", "0.04 EUR"), ("1E+2", "100 EUR"), ("0", "0 EUR")]
)
def test_money_reads_plainly(amount: str, text: str) -> None:
    assert str(Money(amount=Decimal(amount), currency="EUR")) == text


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="cannot add EUR to USD"):
        Money() + Money(currency="EUR")


def test_a_cost_is_seconds_and_money() -> None:
    total = Cost(seconds=1.5) + Cost(seconds=0.25, money=Money(amount=Decimal("0.04")))
    assert total == Cost(seconds=1.75, money=Money(amount=Decimal("0.04")))
    assert Cost.model_validate_json(total.model_dump_json()) == total


@pytest.mark.parametrize("bad", [{"seconds": -1}, {"money": {"currency": "usd"}}])
def test_an_impossible_cost_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Cost.model_validate(bad)
