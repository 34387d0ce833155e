"""Networks that do not all fit in an accelerator's memory: brought there in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from maquette.engines.diffusers.fitting import Fit

__all__ = ["Turns", "settle"]


class Turns:
    """One network on the device at a time; the others wait in the processor's memory.

    A network that is called comes by itself. ``take`` brings one whose other methods are called.
    """

    def __init__(self, networks: Sequence[Any], device: torch.device) -> None:
        self.device = device
        self.there: Any = None
        self.taken = 0
        for network in networks:
            network.to("cpu")
            network.register_forward_pre_hook(self._before, with_kwargs=True)

    def take(self, network: Any) -> None:
        """Bring a network to the device, and send away the one that is there."""
        if self.there is network:
            return
        if self.there is not None:
            self.there.to("cpu")
        network.to(self.device)
        self.there = network
        self.taken += 1

    def _before(self, network: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        self.take(network)
        return self._moved(args), self._moved(kwargs)

    def _moved(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(self.device)
        if isinstance(value, Mapping):
            return {key: self._moved(each) for key, each in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(self._moved(each) for each in value)
        return value


def settle(networks: Mapping[str, Any], device: torch.device, fit: Fit) -> Turns | None:
    """Put networks where the fit says; gives what takes turns, if anything does."""
    turns: Turns | None = None
    if fit.offload == "layers":
        from accelerate import cpu_offload

        for name, network in networks.items():
            if name == "vae":  # small, and called by other methods than forward
                network.to(device)
            else:
                cpu_offload(network, execution_device=device)
    elif fit.offload == "parts":
        turns = Turns(list(networks.values()), device)
    else:
        for network in networks.values():
            network.to(device)
    if fit.tiles and hasattr(networks["vae"], "enable_tiling"):
        networks["vae"].enable_tiling()
    return turns
