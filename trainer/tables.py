"""The tables of a run's configuration, each checked on its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import BadInput
from engine.wire.address import unix_path


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The table `[run]`.

    directory         where configuration, metrics, checkpoints and the trained policy go
    iterations        rollout, update and sync, this often
    seed              of everything that is drawn at random
    checkpoint_every  iterations between two checkpoints; the last iteration has one too
    tensorboard       the numbers of metrics.jsonl also as event files for TensorBoard, in the run's directory
    """

    directory: str = "runs/default"
    iterations: int = 100
    seed: int = 0
    checkpoint_every: int = 10
    tensorboard: bool = True

    def __post_init__(self) -> None:
        _at_least(self, 1, "iterations", "checkpoint_every")
        _at_least(self, 0, "seed")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The table `[model]`.

    path                    a directory in Hugging Face's format, with its tokenizer
    dtype                   what the forward is computed in; master weights are float32 always
    gradient_checkpointing  compute each layer again in the backward, for less memory
    """

    path: str = ""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    gradient_checkpointing: bool = False


@dataclass(frozen=True, kw_only=True)
class PromptsConfig:
    """The table `[prompts]`.

    path            JSON lines: id, prompt (text or chat messages), item; wrap, domain, difficulty where there are any
    held_out        the same for the evaluation; "" for none
    evaluate_every  iterations between two evaluations; the start and the end have one too
    """

    path: str = ""
    held_out: str = ""
    evaluate_every: int = 10

    def __post_init__(self) -> None:
        _at_least(self, 1, "evaluate_every")


@dataclass(frozen=True, kw_only=True)
class RolloutsConfig:
    """The table `[rollouts]`.

    engine                "vllm" in this process; "vllm-async" in a process of its own; "vllm-served" over HTTP;
                          "torch", a small one of our own
    url                   of the server, for "vllm-served"
    groups_per_iteration  groups that are open at once; new ones fill up what the buffer leaves
    rollouts_per_group    k, the responses to one prompt
    max_tokens            of one response
    segment_tokens        of one response in one iteration; what is unfinished goes on in the next. 0: max_tokens
    train_segments        "all": the whole response; "last": only the tokens of the iteration in which it ended, which
                          unlearns how long responses begin unless most end in their first segment
    stop_repeats          stop a response that repeats itself, by the rules of [repeats]
    temperature           of sampling; the loss uses the same
    top_p                 only 1: anything else samples from another distribution than the loss assumes
    top_k                 only 0, for the same reason
    kv_cache_bytes        vLLM's cache; 0 is its own default
    """

    engine: Literal["vllm", "vllm-async", "vllm-served", "torch"] = "vllm"
    url: str = ""
    groups_per_iteration: int = 32
    rollouts_per_group: int = 8
    max_tokens: int = 4096
    segment_tokens: int = 0
    train_segments: Literal["all", "last"] = "all"
    stop_repeats: bool = True
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    kv_cache_bytes: int = 0

    def __post_init__(self) -> None:
        _at_least(self, 1, "groups_per_iteration", "max_tokens")
        _at_least(self, 2, "rollouts_per_group")
        _at_least(self, 0, "segment_tokens", "kv_cache_bytes")
        _above(self, 0, "temperature")
        if bool(self.url) != (self.engine == "vllm-served"):
            raise BadInput(
                "url", self.url, f"engine {self.engine!r} takes {'no' if self.url else 'the'} server's address"
            )
        if self.segment_tokens > self.max_tokens:
            raise BadInput(
                "segment_tokens", self.segment_tokens, f"above max_tokens = {self.max_tokens}; 0 switches segments off"
            )
        for name, off in (("top_p", 1), ("top_k", 0)):
            if (value := getattr(self, name)) != off:
                raise BadInput(name, value, f"the loss assumes the whole distribution: leave it at {off}")

    @property
    def budget(self) -> int:
        """Tokens that one response may grow by in one iteration."""
        return self.segment_tokens or self.max_tokens


@dataclass(frozen=True, kw_only=True)
class RewardWeights:
    """The table `[rewards.weights]`: what each part counts in a rollout's reward.

    correct  the scorer's reward, 0 to 1
    length   k1.5's length reward over the siblings, -0.5 to 0.5
    repeat   1 for a rollout that the repeat detector stopped
    format   1 where an answer was found
    """

    correct: float = 1.0
    length: float = 0.0
    repeat: float = 0.0
    format: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RewardsConfig:
    """The table `[rewards]`.

    address           the daemon's: "unix:///path", "http://host:port", "" for the default socket of this user; where it
                      has a token, that is in the environment as ASSAY_TOKEN
    weights           of the parts
    max_not_judged    share of an iteration's rollouts; with more the run stops, its checkpoint kept
    patience_seconds  how long the run waits for a daemon that is gone or overloaded
    in_flight         rollouts that are being scored at once
    """

    address: str = ""
    weights: RewardWeights = field(default_factory=RewardWeights)
    max_not_judged: float = 0.2
    patience_seconds: float = 300.0
    in_flight: int = 256

    def __post_init__(self) -> None:
        _above(self, 0, "patience_seconds")
        _at_least(self, 1, "in_flight")
        if not 0 <= self.max_not_judged <= 1:
            raise BadInput("max_not_judged", self.max_not_judged, "expected a share, 0 to 1")
        if self.address and not self.address.startswith("ray://"):
            unix_path(self.address)


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """The table `[sampling]`.

    order  "uniform": each prompt once an epoch; "curriculum": once from easy to hard, then by failure; "failure": in
           proportion to 1 - s from the start, s being the prompt's rate of right answers
    decay  what s keeps of itself when its prompt was tried again
    floor  the least that a prompt counts, however often it was right
    """

    order: Literal["uniform", "curriculum", "failure"] = "uniform"
    decay: float = 0.5
    floor: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise BadInput("decay", self.decay, "expected 0 or more and less than 1")
        if not 0 < self.floor <= 1:
            raise BadInput("floor", self.floor, "expected more than 0 and at most 1")


@dataclass(frozen=True, kw_only=True)
class LengthConfig:
    """The table `[length]`: k1.5 trains without a length reward at first, and then with a constant one.

    start_iteration  the first with it; 0: never
    weight           added to rewards.weights.length from then on
    """

    start_iteration: int = 0
    weight: float = 0.2

    def __post_init__(self) -> None:
        _at_least(self, 0, "start_iteration")


@dataclass(frozen=True, kw_only=True)
class UpdateConfig:
    """The table `[update]`.

    tau                     the weight of the KL divergence to the reference, the policy at the iteration's start
    steps                   inner steps, each over the whole batch
    learning_rate           of AdamW, constant
    weight_decay            of AdamW
    max_gradient_norm       the gradient is scaled down to it
    reset_optimizer         at every iteration's start, as k1.5 does
    tokens_per_micro_batch  that go through the model at once
    head_chunk              positions whose logits are in memory at once
    baseline                what is taken off a rollout's reward: its group's mean, its siblings' mean, or tau * log of
                            the mean of exp(reward / tau)
    gap_limit               mean absolute gap between sampler and trainer, over the tokens that this iteration's policy
                            sampled, past which a rollout is left out
    sampler_correction      "token_truncate": each token's gradient times min(exp(gap), 2); "none": all alike
    """

    tau: float = 0.1
    steps: int = 4
    learning_rate: float = 1e-6
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    reset_optimizer: bool = True
    tokens_per_micro_batch: int = 16384
    head_chunk: int = 512
    baseline: Literal["mean", "leave-one-out", "log-mean-exp"] = "mean"
    gap_limit: float = 0.2
    sampler_correction: Literal["none", "token_truncate"] = "none"

    def __post_init__(self) -> None:
        _above(self, 0, "tau", "learning_rate", "max_gradient_norm", "gap_limit")
        _at_least(self, 1, "steps", "tokens_per_micro_batch", "head_chunk")
        _at_least(self, 0, "weight_decay")


@dataclass(frozen=True, kw_only=True)
class WeightsConfig:
    """The table `[weights]`.

    transfer          how they get to vLLM: "direct" in one process; "shared-memory" on one machine; "ipc" on one GPU;
                      "nccl" to a served engine's GPUs; "auto": what suits engine and device, or the server was
                      started with
    deadline_seconds  for each step of a sync, after which the run stops
    """

    transfer: Literal["auto", "direct", "shared-memory", "ipc", "nccl"] = "auto"
    deadline_seconds: float = 600.0

    def __post_init__(self) -> None:
        _above(self, 0, "deadline_seconds")


def _at_least(config: object, bound: float, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not value >= bound:
            raise BadInput(name, value, f"expected {bound:g} or more")


def _above(config: object, bound: float, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not (value > bound and math.isfinite(value)):
            raise BadInput(name, value, f"expected a finite number above {bound:g}")
