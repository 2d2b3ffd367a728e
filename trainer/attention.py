"""Attention over packed rows, where a group's prompt stands once for all of its responses.

A micro-batch is one row of tokens without padding, cut into segments. A prompt's segment sees itself; a response's
sees its prompt's keys and its own. Any transformers model whose layers all attend fully takes it by its configured
attention function; the table of segments comes to it as an argument of the model's forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

NAME: Final = "assay"


class Span(NamedTuple):
    """Queries [start, end) of the row; before their own keys they see [prompt_start, prompt_end).

    A row's spans stand in its order, without gaps; a prompt's own sees none before it.
    """

    start: int
    end: int
    prompt_start: int
    prompt_end: int


def register() -> None:
    """Make `NAME` an attention implementation of transformers."""
    AttentionInterface.register(NAME, _packed_attention)
    AttentionMaskInterface.register(NAME, lambda *_args, **_kwargs: None)


def _packed_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    spans: Sequence[Span] | None = None,
    scaling: float | None = None,
    **_kwargs: Any,
) -> tuple[Tensor, None]:
    """query [1, heads, t, d], key and value [1, fewer heads, t, d] -> [1, t, heads, d]."""
    if spans is None:
        raise RuntimeError(f"{type(module).__name__} does not hand its model's arguments on to the attention function")
    grouped = key.shape[1] != query.shape[1]
    # One cut into all pieces: a slice's gradient is as long as the row, and so many of them are most of a backward.
    lengths = [span.end - span.start for span in spans]
    pieces = zip(query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True)
    prompts: dict[int, tuple[Tensor, Tensor]] = {}
    outputs = []
    for span, (queries, keys, values) in zip(spans, pieces, strict=True):
        mask = None
        if span.prompt_end > span.prompt_start:
            prompt_keys, prompt_values = prompts[span.prompt_start]
            keys, values = torch.cat((prompt_keys, keys), dim=2), torch.cat((prompt_values, values), dim=2)
            # Each response's token sees the prompt and what is before it.
            seen = torch.ones(queries.shape[2], keys.shape[2], dtype=torch.bool, device=query.device)
            mask = seen.tril(prompt_keys.shape[2])
        else:
            prompts[span.start] = keys, values
        outputs.append(
            scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=grouped
            )
        )
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None
