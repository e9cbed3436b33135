"""Linear layers whose weights stay four bits wide, as they travelled: an eighth of float32's memory, and its traffic.

On a CPU a language model's speed is that of reading its weights, once a token. PyTorch has kernels that multiply by
packed weights on x86 processors with AVX2 or AVX-512; elsewhere its fallback is slower than float32.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn

_LARGEST_CODE = 15
_CENTRE = 8
"""PyTorch's kernel takes `weight = (code - 8) * scale + offset`."""

_TILES = 1
"""How many tiles of the inner dimension lie together; the kernel for CPUs takes any and uses none."""


def can_pack() -> bool:
    """Whether this processor has a quick kernel for packed weights."""
    # Microsoft's compiler leaves the quick ones out.
    return sys.platform != "win32" and bool(torch.cpu.get_capabilities().get("avx2"))


class FourBitLinear(nn.Module):
    """A linear layer whose rows consist of groups of at most 16 evenly spaced values (GGUF's Q4_0 and Q4_1).

    For such weights it is exact but for the rounding of scales and inputs to bfloat16.

    Args:
        weight: [outputs, inputs], any floating type.
        group: inputs that share a scale and an offset: 32, 64, 128 or 256, a divisor of the inputs.
    """

    def __init__(self, weight: Tensor, group: int) -> None:
        super().__init__()
        self._outputs, self._group = weight.shape[0], group
        grouped = weight.float().view(self._outputs, -1, group)
        lowest, highest = grouped.aminmax(dim=-1)
        scale = ((highest - lowest) / _LARGEST_CODE).clamp_min(torch.finfo(torch.bfloat16).tiny)
        codes = ((grouped - lowest[..., None]) / scale[..., None]).round().to(torch.int32).view(weight.shape)
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, _TILES)
        scales = torch.stack([scale.t(), (lowest + _CENTRE * scale).t()], dim=-1).to(torch.bfloat16)
        # No buffers: whoever changes the type of the model's other parts must leave these.
        self._packed, self._scales = packed, scales.contiguous()

    def forward(self, inputs: Tensor) -> Tensor:
        """[..., inputs] → [..., outputs], in the type of the inputs."""
        rows = inputs.reshape(-1, inputs.shape[-1]).bfloat16()
        product: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self._packed, self._group, self._scales)
        return product.to(inputs.dtype).view(*inputs.shape[:-1], self._outputs)


class EightBitLinear(nn.Module):
    """A linear layer with eight bits a weight and one scale a row: for the one at the end, where four are too few.

    Args:
        weight: [outputs, inputs], any floating type.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        weight = weight.float()
        scale = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.bfloat16).tiny) / 127
        self._codes = (weight / scale[:, None]).round().to(torch.int8)
        self._scale = scale.to(torch.bfloat16)

    def forward(self, inputs: Tensor) -> Tensor:
        """[..., inputs] → [..., outputs], in the type of the inputs."""
        rows = inputs.reshape(-1, inputs.shape[-1]).bfloat16()
        product: Tensor = torch.ops.aten._weight_int8pack_mm(rows, self._codes, self._scale)
        return product.to(inputs.dtype).view(*inputs.shape[:-1], -1)


def pack(model: Any, group: int) -> None:
    """Replaces a causal language model's linear layers in place; everything else becomes float32.

    Args:
        model: of transformers; its linear layers hold weights of four bits, dequantised.
        group: see `FourBitLinear`.
    """
    head = model.get_output_embeddings()
    with torch.inference_mode():
        model.set_output_embeddings(EightBitLinear(head.weight))
        for module in list(model.modules()):
            for name, layer in list(module.named_children()):
                if isinstance(layer, nn.Linear):
                    setattr(module, name, FourBitLinear(layer.weight, group))
    model.float()


def is_packed(model: Any) -> bool:
    """Whether a model is one that `pack` has changed."""
    return isinstance(model.get_output_embeddings(), EightBitLinear)
