"""The records that flow through an iteration: prompts, rollouts in segments, groups, requests to an engine."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from rewards import NotJudged, Reward

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class End(enum.Enum):
    """Why a rollout is over: a stop token, `max_tokens` used up, or the repeat detector."""

    STOP = "stop"
    LENGTH = "length"
    REPEAT = "repeat"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prompt:
    """A problem.

    tokens      int32 [p]
    item        what the daemon scores, without its completion
    wrap        text with one `{completion}` that the rollout's text is put into before it is scored, or None
    difficulty  the data's own label, higher is harder; None where there is none
    """

    id: str
    tokens: NDArray[np.int32]
    item: dict[str, Any]
    wrap: str | None = None
    domain: str = ""
    difficulty: float | None = None

    def completion(self, text: str) -> str:
        """A rollout's text as it is scored."""
        return text if self.wrap is None else self.wrap.replace("{completion}", text)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Segment:
    """Tokens [start, end) of a rollout, sampled by one version of the policy.

    logprobs  float32 [end - start], the sampler's own
    """

    policy_version: int
    start: int
    end: int
    logprobs: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rollout:
    """One sampled response, whole or as far as it got.

    tokens    int32 [r], the stop token included; segments cover it without gaps
    end       None while it is open
    reward    None until it is scored
    parts     what its total reward is made of, by name: correct, length, repeat, format
    """

    id: str
    prompt_id: str
    index: int
    tokens: NDArray[np.int32]
    segments: tuple[Segment, ...] = ()
    end: End | None = None
    reward: Reward | NotJudged | None = None
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Group:
    """The rollouts of one prompt, siblings of each other; `opened_at` is the iteration it was opened in."""

    prompt: Prompt
    rollouts: tuple[Rollout, ...]
    opened_at: int

    @property
    def closed(self) -> bool:
        """Every rollout is over and scored, or could not be."""
        return all(rollout.end is not None and rollout.reward is not None for rollout in self.rollouts)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Request:
    """What an engine is asked to generate: at most `max_tokens` tokens after `tokens` (int32 [n]).

    The seed decides what is sampled: alone, in any batch and in any order the same tokens. `greedy` takes the likeliest
    token always, for evaluations.
    """

    id: str
    tokens: NDArray[np.int32]
    max_tokens: int
    seed: int
    greedy: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Output:
    """What an engine generated for a request since its last output.

    tokens    a stop token is the last of them
    logprobs  of these tokens, under the distribution that they were sampled from
    end       None: more to come; LENGTH: the request's `max_tokens` are used up
    """

    id: str
    tokens: list[int]
    logprobs: list[float]
    end: End | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Trainer's minus sampler's logprob of the tokens that were trained on.

    size     mean absolute
    k3       mean of exp(gap) - 1 - gap, an estimate of the KL divergence
    outside  share of tokens whose ratio exp(gap) is outside 0.9 to 1.1
    """

    mean: float = 0.0
    size: float = 0.0
    sd: float = 0.0
    max: float = 0.0
    k3: float = 0.0
    outside: float = 0.0


class Rolled(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one rollout phase.

    tokens              generated in it
    groups              that closed
    cut                 rollouts that its budget cut off; they wait in the buffer
    buffered            groups that wait there
    lengths             mean tokens of the closed groups' rollouts; None without any
    ended               rollouts of closed groups by why they ended: stop, length, repeat
    not_judged          of them, by reason
    parts               mean of each part of the reward over the judged ones
    pass_rate           share of the judged ones that are right, by the difficulty of their prompts where it is known
    reward              mean total of the judged ones; None without any
    uniform             closed groups whose rewards are all equal, or with fewer than two left: nothing to learn from
    generating_seconds  until the last token
    scoring_seconds     from there to the last reward
    """

    tokens: int = 0
    groups: int = 0
    cut: int = 0
    buffered: int = 0
    lengths: float | None = None
    ended: dict[str, int] = {}
    not_judged: dict[str, int] = {}
    parts: dict[str, float] = {}
    pass_rate: dict[str, float] = {}
    reward: float | None = None
    uniform: int = 0
    generating_seconds: float = 0.0
    scoring_seconds: float = 0.0


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one update.

    rollouts          that were trained on
    tokens            that went through the model in each inner step
    trained_tokens    whose logprobs the loss is made of
    loss              of each inner step
    gradient_norm     of each inner step, before clipping
    rho               mean absolute log ratio of a rollout to the reference, before each inner step
    advantage         mean absolute advantage
    entropy           mean of the policy's entropy at the trained positions in the first inner step, in nats
    """

    rollouts: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    loss: tuple[float, ...] = ()
    gradient_norm: tuple[float, ...] = ()
    rho: tuple[float, ...] = ()
    advantage: float = 0.0
    entropy: float = 0.0
    gap: Gap = Gap()


class HeldOut(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation on held-out prompts: mean rewards of one response each, and the same by prompt id.

    The means are None where nothing was judged.
    """

    sampled: float | None
    greedy: float | None
    by_prompt: dict[str, tuple[float, float]] = {}


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration took; its time is that of rollouts, update and sync, without evaluation.

    tokens_per_second          of responses that were generated, over the iteration's time
    trained_tokens_per_second  whose logprobs the loss is made of, in each inner step, over the update's time
    idle_share                 of the iteration's time in which neither tokens were generated nor an update ran: waiting
                               for rewards after the last token, the sync, what is between
    memory_bytes               this process' peak of resident memory since its start
    cuda_memory_bytes          this device's peak of allocated memory since then; 0 without one
    """

    tokens_per_second: float = 0.0
    trained_tokens_per_second: float = 0.0
    idle_share: float = 0.0
    memory_bytes: int = 0
    cuda_memory_bytes: int = 0


class Iteration(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one iteration, a line of metrics.jsonl.

    number          counts from 1
    policy_version  that the rollouts were sampled with
    reward          mean total of the judged rollouts; None without any
    tau_rho         mean |tau * rho| before the last inner step, to be held against update.advantage
    probe_gap       largest gap between engine and trainer on the probe after the sync
    seconds         by phase: rollouts, update, sync, evaluation
    """

    number: int
    policy_version: int
    reward: float | None
    rolled: Rolled
    update: Update
    tau_rho: float
    probe_gap: float
    seconds: dict[str, float]
    cost: Cost
    held_out: HeldOut | None = None
