"""The policy: a transformers model whose forward takes packed micro-batches and gives log probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM

from engine.errors import BadInput
from trainer import attention
from trainer.batch import MicroBatch, group_of, pack
from trainer.logprobs import log_distributions, token_logprobs
from trainer.ranks import Ranks
from trainer.tables import ModelConfig

_TOLERANCE: Final = 1e-3
# A prompt and two responses of tokens that every vocabulary has.
_TRIED: Final = ([0, 1, 2, 3], ([4, 5, 6], [7, 5, 4]))


class Policy(nn.Module):
    """A causal language model with float32 weights, computed in the dtype of the configuration.

    Raises BadInput for a model that packed rows do not suit: layers that do not attend fully or by an attention of
    their own, or logits that are not the head's product.
    """

    def __init__(
        self, config: ModelConfig, *, temperature: float = 1.0, head_chunk: int = 512, device: str = "cpu"
    ) -> None:
        super().__init__()
        attention.register()
        self.model = _loaded(config.path).to(device)
        self.temperature = temperature
        self._head_chunk = head_chunk
        self.dtype: torch.dtype = getattr(torch, config.dtype)
        self._check_attention(config.path)
        self._check_rows(config.path)
        # Dropout would make the reference another policy than the one that is trained.
        self.model.eval()
        if config.gradient_checkpointing:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
            # A layer only does it in training; what drops out is in its parts, which stay as they are.
            for layer in self._layers():
                layer.training = True

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._head_weight.device

    def shard(self, ranks: Ranks) -> None:
        """Spread the weights over the ranks (FSDP2), layer by layer; everything goes through `forward` from then on."""
        if ranks.size == 1:
            return
        mesh = init_device_mesh(torch.device(ranks.device).type, (ranks.size,))
        for layer in self._layers():
            fully_shard(layer, mesh=mesh)
        fully_shard(self, mesh=mesh)

    def last_of_step(self, last: bool) -> None:
        """Whether the next backward ends a step: gradients are added up over the ranks only there."""
        if isinstance(self, FSDPModule):
            self.set_requires_gradient_sync(last)

    def forward(self, micro: MicroBatch, *, distributions: bool = False) -> tuple[Tensor, Tensor]:
        """Logprobs [n] of the trained tokens and the entropies [n] there, float32.

        distributions  gives the log probabilities [n, vocabulary] of all tokens in place of the logprobs
        """
        hidden = self._hidden(micro)
        if distributions:
            rows = log_distributions(hidden, self._head_weight, temperature=self.temperature)
            return rows, -(rows.exp() * rows).sum(1)
        return token_logprobs(
            hidden,
            self._head_weight,
            micro.targets,
            temperature=self.temperature,
            chunk=self._head_chunk,
        )

    @torch.no_grad()
    def response_logprobs(self, prompt: Sequence[int], response: Sequence[int]) -> NDArray[np.float32]:
        """float32 [r], each token of a response given what is before it."""
        return cast("NDArray[np.float32]", self(self._packed(prompt, [response]))[0].cpu().numpy())

    @torch.no_grad()
    def response_distributions(
        self, prompt: Sequence[int], responses: Sequence[Sequence[int]]
    ) -> list[NDArray[np.float32]]:
        """float32 [r, vocabulary] of each response: the log probability of every token in the place of each of its."""
        rows, _ = self(self._packed(prompt, responses), distributions=True)
        return np.split(rows.cpu().numpy(), np.cumsum([len(response) for response in responses])[:-1])

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Names as the checkpoint has them, with the weights; tied ones once.

        Where they are sharded each comes whole, and every rank has to ask for all of them.
        """
        for name, parameter in self.model.named_parameters():
            weight = parameter.detach()
            yield name, weight.full_tensor() if isinstance(weight, DTensor) else weight

    def save(self, directory: str | Path, weights: Mapping[str, Tensor] | None = None) -> None:
        """In Hugging Face's format; `weights` are the whole ones where they are sharded."""
        self.model.save_pretrained(directory, state_dict=None if weights is None else dict(weights))

    def _layers(self) -> Iterator[nn.Module]:
        """The decoder's, which every transformers model has in a list."""
        lists = (module for module in self._backbone.modules() if isinstance(module, nn.ModuleList))
        yield from max(lists, key=len)

    def _hidden(self, micro: MicroBatch) -> Tensor:
        """Last hidden states [n, width] that predict the trained tokens."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self._states(micro)

    def _states(self, micro: MicroBatch) -> Tensor:
        """The same in the dtype of the weights."""
        hidden: Tensor = self._backbone(
            input_ids=micro.tokens, position_ids=micro.positions, use_cache=False, spans=micro.spans
        ).last_hidden_state[0]
        return hidden[micro.sources]

    def _packed(self, prompt: Sequence[int], responses: Sequence[Sequence[int]]) -> MicroBatch:
        budget = len(prompt) + sum(map(len, responses))
        group = group_of(prompt, responses)
        (micro,) = pack([group], budget=budget, policy_version=0, device=self.device).micro_batches
        return micro

    @property
    def _backbone(self) -> nn.Module:
        return cast("nn.Module", self.model.base_model)

    @property
    def _head_weight(self) -> Tensor:
        return cast("Tensor", self.model.get_output_embeddings().weight)

    def _check_attention(self, path: str) -> None:
        config = self.model.config
        layers = getattr(config, "layer_types", None)
        other = sorted({kind for kind in layers or () if kind != "full_attention"})
        # Mistral's and others' of its time name no types: a window is every layer's.
        window = None if layers else getattr(config, "sliding_window", None)
        if window and window < config.max_position_embeddings:
            other = [f"a sliding window of {window} tokens in a context of {config.max_position_embeddings}"]
        if other:
            raise BadInput("model.path", path, f"packed rows need layers of full attention; it has {', '.join(other)}")

    @torch.no_grad()
    def _check_rows(self, path: str) -> None:
        """Give the model our attention; a packed row has to say what the model itself says of each response alone."""
        prompt, responses = _TRIED
        theirs = []
        for response in responses:
            tokens = torch.tensor([prompt + response], device=self.device)
            logits = self.model(input_ids=tokens, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
            theirs.append(logits.log_softmax(1).gather(1, tokens[0, len(prompt) :, None]).squeeze(1))
        self.model.set_attn_implementation(attention.NAME)
        micro = self._packed(prompt, responses)
        ours, _ = token_logprobs(self._states(micro), self._head_weight, micro.targets)
        apart = (ours - torch.cat(theirs)).abs().max().item()
        if not apart < _TOLERANCE:
            raise BadInput(
                "model.path",
                path,
                f"packed rows do not give its own logprobs (apart by {apart:.2g}): its layers do not take our "
                "attention, or its logits are not hidden states times the head's weight",
            )


def _loaded(path: str) -> Any:
    if not (Path(path) / "config.json").is_file():
        raise BadInput("model.path", path, "expected a directory in Hugging Face's format: there is no config.json")
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
