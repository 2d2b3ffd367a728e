"""What stops a run, beside what engine.errors has; the last checkpoint stands.

AssayError
└── TrainerError
    ├── StaleWeights        the rollout engine does not sample from the weights that it was given
    ├── RolloutsFailed      the rollout engine died, and again after a restart
    └── RewardsUnavailable  the reward daemon is gone, or too much of an iteration could not be judged
"""

from __future__ import annotations

from engine.errors import AssayError


class TrainerError(AssayError):
    """Base of what stops a run."""


class StaleWeights(TrainerError):
    """The rollout engine does not sample from the weights that it was given."""


class RolloutsFailed(TrainerError):
    """The rollout engine died, and again after a restart."""


class RewardsUnavailable(TrainerError):
    """The reward daemon is gone, or too much of an iteration could not be judged."""
