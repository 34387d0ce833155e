"""What became of Midjourney's flags, said on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maquette.cli.output import Voice
    from maquette.core.flags import Translation

__all__ = ["tell_flags"]


def tell_flags(voice: Voice, told: Translation) -> None:
    """A remark for each flag: what it became, or why it became nothing."""
    for outcome in told.done:
        voice.remark(f"{outcome.flag} → {outcome.says}")
    for outcome in told.left:
        voice.remark(f"{outcome.flag} is left out: {outcome.says}")
