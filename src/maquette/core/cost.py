"""What a picture cost: time always, money where somebody sends a bill."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Cost", "Money"]


class Money(BaseModel):
    """An exact amount in one currency (ISO 4217)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: Decimal = Decimal(0)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


class Cost(BaseModel):
    """Seconds of work on this machine, and the bill if there was one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    seconds: float = Field(default=0.0, ge=0)
    money: Money = Money()

    def __add__(self, other: Cost) -> Cost:
        return Cost(seconds=self.seconds + other.seconds, money=self.money + other.money)
