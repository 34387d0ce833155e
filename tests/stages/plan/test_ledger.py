"""The ledger: times as a line over evaluations, and a baseline by name."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.cost import Money
from maquette.core.recipe import Sampling
from maquette.stages.plan.ledger import Clock, Line, evaluations, ledger_of, priced


def sampling(steps: int, guidance: float = 5.0) -> Sampling:
    return Sampling(steps=steps, guidance=guidance, seed=0)


def test_evaluations_count_both_halves_of_a_guided_step() -> None:
    assert evaluations(sampling(40)) == 80
    assert evaluations(sampling(4, 1.0)) == 4
    assert evaluations(sampling(40), 0.5) == 40


@given(st.floats(0.01, 2), st.floats(0.001, 1))
def test_a_line_is_found_again(fixed: float, each: float) -> None:
    clock = Clock.fitted([(n, fixed + each * n) for n in (8, 8, 40, 80)])
    assert clock is not None and clock.of == 4
    assert clock.seconds(60) == pytest.approx(fixed + each * 60, rel=1e-6)


def test_one_kind_of_drawing_gives_a_share_of_itself() -> None:
    clock = Clock.fitted([(8, 0.4), (8, 0.6), (8, 0.5)])
    assert clock is not None and clock.seconds(16) == pytest.approx(1.0)
    assert Clock.fitted([]) is None and Clock.fitted([(8, 0.0)]) is None


def test_times_that_fall_with_the_work_are_no_line() -> None:
    clock = Clock.fitted([(8, 2.0), (80, 1.0)])
    assert clock is not None and clock.seconds(100) > 0


def test_the_saving_is_against_the_baseline_by_name() -> None:
    clock = Clock(fixed=0.2, each=0.05, of=10)
    money = Money()
    lines = [
        Line("drafts", 30, 20.0, 30 * clock.seconds(8), money),
        Line("refine", 5, 10.0, 5 * clock.seconds(40), money),
        Line("polish", 3, None, 100.0, money),
    ]
    ledger = ledger_of(lines, clock, 30, "final", sampling(40))
    assert ledger.baseline == "30 finals"
    assert ledger.baseline_seconds == pytest.approx(30 * 4.2)
    assert ledger.saved == pytest.approx(1 - (30 * 0.6 + 5 * 2.2) / (30 * 4.2))
    assert ledger.seconds == pytest.approx(129.0)


def test_without_a_clock_nothing_is_said_to_be_saved() -> None:
    ledger = ledger_of([], None, 30, "preview", sampling(16))
    assert ledger.baseline == "30 previews" and ledger.saved is None


def test_money_is_exact() -> None:
    assert str(priced(1.234, Decimal("0.0004"), "EUR")) == "0.000494 EUR"
    lines = [Line(name, 1, None, 1.0, priced(1, Decimal("0.1"), "EUR")) for name in "ab"]
    assert str(ledger_of(lines, None, 1, "final", sampling(4)).money) == "0.2 EUR"
