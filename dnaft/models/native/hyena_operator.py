"""The Hyena operator: long convolutions whose filter is a function of position.

Poli et al. 2023 (arXiv:2302.10866), Definition 3.1 with order 2 and Section 3.3, in the form that
HyenaDNA was trained with (Nguyen et al. 2023, arXiv:2306.15794). Module names are those of the
published checkpoints.
"""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dnaft.models.native.split_linear import SplitLinear

# The slowest channel's window falls to 1 % over 1.5 maximum lengths, the fastest's over 0.3; a
# constant on top lets every channel see far.
_REMAINDER, _SLOWEST, _FASTEST, _FLOOR = 1e-2, 1.5, 0.3, 0.05


def long_convolution(
    u: Float[Tensor, "batch channels tokens"],
    kernel: Float[Tensor, "channels tokens"],
    skip: Float[Tensor, " channels"],
) -> Float[Tensor, "batch channels tokens"]:
    """Return y_t = sum over s <= t of kernel_{t-s} u_s, plus skip * u_t.

    By Fourier transform, so in O(n log n). Zeros up to twice the length keep the end of a sequence
    out of its beginning. The transform runs in float32, in float64 if the input does: in half
    precision its rounding errors reach every position, and cuFFT takes few lengths.
    """
    wide = torch.promote_types(u.dtype, torch.float32)
    size = _transform_size(u.shape[-1])
    with torch.autocast(u.device.type, enabled=False):
        x, h = u.to(wide), kernel.to(wide)
        spectrum = torch.fft.rfft(x, n=size) * torch.fft.rfft(h, n=size)
        y = torch.fft.irfft(spectrum, n=size)[..., : u.shape[-1]]
        y = y + x * skip.to(wide).unsqueeze(-1)
    return y.to(u.dtype)


def _transform_size(tokens: int) -> int:
    """Return a length of 2 * tokens - 1 or more that has a large power of two as a factor.

    At 301 tokens a transform of 640 takes a quarter of the time of one of 602 = 2 * 7 * 43.
    """
    least = 2 * tokens - 1
    step = 1 << max(least.bit_length() - 4, 0)
    return -(-least // step) * step


class Sine(nn.Module):
    """sin(freq * x) with a frequency for each feature."""

    def __init__(self, features: int, frequency: float, train: bool) -> None:
        super().__init__()
        self.initial = frequency
        self.freq = nn.Parameter(torch.full((1, features), float(frequency)), requires_grad=train)

    def forward(self, x: Float[Tensor, "... features"]) -> Float[Tensor, "... features"]:
        return torch.sin(self.freq * x)


class PositionalEmbedding(nn.Module):
    """Position t in [0, 1] and the lowest complex exponentials of it, (1, positions, features).

    Buffers, since the checkpoints hold them; `initial` gives their values for random weights.
    """

    z: Tensor
    t: Tensor

    def __init__(self, features: int, positions: int) -> None:
        super().__init__()
        self.features, self.positions = features, positions
        for name, value in self.initial().items():
            self.register_buffer(name, value)

    def initial(self) -> dict[str, Tensor]:
        """Return z = [t, cos(f w), -sin(f w)] with w = 2 pi position / positions, and t."""
        bands = (self.features - 1) // 2
        with torch.device("cpu"):  # transformers builds models on the meta device, then loads
            t = torch.linspace(0, 1, self.positions)[:, None]
            w = 2 * math.pi * torch.arange(self.positions)[:, None] / self.positions
            phase = torch.linspace(1e-4, bands - 1, bands) * w
            z = torch.cat([t, torch.cos(phase), -torch.sin(phase)], dim=-1)
        return {"z": z[None], "t": t[None]}


class ExponentialModulation(nn.Module):
    """A window exp(-|delta| t) + 0.05 on the filter, with a decay for each channel."""

    deltas: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        for name, value in self.initial().items():
            self.register_buffer(name, value)

    def initial(self) -> dict[str, Tensor]:
        """Return decays evenly spaced from the slowest to the fastest channel."""
        log = math.log(_REMAINDER)
        deltas = torch.linspace(log / _SLOWEST, log / _FASTEST, self.channels, device="cpu")
        return {"deltas": deltas[None, None]}

    def forward(
        self, t: Float[Tensor, "1 tokens 1"], h: Float[Tensor, "1 tokens channels"]
    ) -> Float[Tensor, "1 tokens channels"]:
        return h * (torch.exp(-t * self.deltas.abs()) + _FLOOR)


class ImplicitFilter(nn.Module):
    """A convolution kernel as long as the input: window(t) * MLP(positional embedding of t).

    The sines of all layers of the MLP share one frequency vector. Checkpoints name it once for
    each sine; here it is a parameter of the first, and any of the names can be loaded.

    Args:
        channels: Kernels.
        width: Hidden features of the MLP.
        inner_layers: Its hidden layers after the first.
        features: Positional features, an odd number.
        positions: Longest kernel.
        frequency: What the sines start from.
        train_frequency: Whether it is trained.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        inner_layers: int,
        features: int,
        positions: int,
        frequency: float,
        train_frequency: bool,
    ) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(channels))
        self.pos_emb = PositionalEmbedding(features, positions)
        sine = Sine(width, frequency, train_frequency)
        layers: list[nn.Module] = [nn.Linear(features, width), sine]
        for _ in range(inner_layers):
            layers += [nn.Linear(width, width), _Again()]
        self.implicit_filter = nn.ModuleList([*layers, nn.Linear(width, channels, bias=False)])
        self.modulation = ExponentialModulation(channels)
        self.register_load_state_dict_pre_hook(_one_frequency)

    def kernel(self, tokens: int) -> Float[Tensor, "channels tokens"]:
        """Return the first `tokens` values of each kernel."""
        z, t = self.pos_emb.z[:, :tokens], self.pos_emb.t[:, :tokens]
        sine = self.implicit_filter[1]
        # Positions differ by less than half precision resolves, so autocast stays out.
        with torch.autocast(z.device.type, enabled=False):
            h = z
            for layer in self.implicit_filter:
                h = sine(h) if isinstance(layer, _Again) else layer(h)
            return self.modulation(t, h)[0].T

    def forward(
        self, u: Float[Tensor, "batch channels tokens"]
    ) -> Float[Tensor, "batch channels tokens"]:
        """Convolve each channel with its kernel; `bias` is the skip connection."""
        return long_convolution(u, self.kernel(u.shape[-1]), self.bias)


class _Again(nn.Module):
    """Holds the place of a sine that repeats the first, so that later layers keep their number."""


def _one_frequency(_: nn.Module, state: dict[str, Any], prefix: str, *__: object) -> None:
    """Keep one of the names under which a checkpoint may hold the shared frequency."""
    start, end = f"{prefix}implicit_filter.", ".freq"
    names = sorted(k for k in state if k.startswith(start) and k.endswith(end))
    if names:
        value = state[names[0]]
        for name in names:
            del state[name]
        state[f"{start}1{end}"] = value


class HyenaOperator(nn.Module):
    """q * (long convolution of k * v), causal, for the place that attention has elsewhere.

    All three are linear maps of the input behind a short convolution of each channel. In the
    paper's terms q is x^2, k is x^1; H3 (arXiv:2212.14052) gave them the names from attention.

    Args:
        channels: Width.
        taps: Length of the short convolution.
        dropout: Applied to k * v.
        filter_fn: The long filter.
    """

    def __init__(self, channels: int, taps: int, dropout: float, filter_fn: ImplicitFilter) -> None:
        super().__init__()
        self.in_proj = SplitLinear(channels, channels, ("q", "k", "v"))
        self.short_filter = nn.Conv1d(
            3 * channels, 3 * channels, taps, groups=3 * channels, padding=taps - 1
        )
        self.filter_fn = filter_fn
        self.dropout = nn.Dropout(dropout)
        self.out_proj = nn.Linear(channels, channels)

    def forward(
        self,
        x: Float[Tensor, "batch tokens channels"],
        real: Int[Tensor, "batch 1 tokens"] | None = None,
    ) -> Float[Tensor, "batch tokens channels"]:
        """Mix tokens with those before them.

        Args:
            x: Input.
            real: 1 at tokens, 0 at padding, which then adds nothing to either convolution.
        """
        u = torch.cat(self.in_proj(x), dim=-1).transpose(1, 2)
        if real is not None:
            u = u * real.to(u.dtype)
        q, k, v = self.short_filter(u)[..., : x.shape[1]].chunk(3, dim=1)
        v = k * v
        if real is not None:
            v = v * real.to(v.dtype)  # again: the short convolution has a bias, and looks back
        output: Tensor = self.out_proj((q * self.filter_fn(self.dropout(v))).transpose(1, 2))
        return output
