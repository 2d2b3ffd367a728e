"""What cannot be trained is refused by name, and before it costs anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput
from tests.support.training import likes_letters
from tests.trainer.conftest import NewTrainer
from trainer import Trainer, TrainerConfig
from trainer.prompts import load_tokenizer, read_prompts
from trainer.rollout_torch import TorchRollouts


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model__path": "/nowhere"}, "model.path '/nowhere'"),
        (
            {"rollouts__max_tokens": 600},
            "rollouts.max_tokens 600: with the 6 tokens of prompt 0 above the model's context",
        ),
        ({"update__tokens_per_micro_batch": 15}, "update.tokens_per_micro_batch 15: prompt 0 and a response"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_the_start(
    new_trainer: NewTrainer, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        new_trainer(likes_letters, **overrides)
    assert str(caught.value).startswith(message)


def test_an_item_that_no_scorer_takes_is_refused_before_anything_is_loaded(
    new_trainer: NewTrainer, tmp_path: Path
) -> None:
    items = [{"kind": "math", "reference": "2"}, {"kind": "math", "refrence": "2"}, {"kind": "mine", "any": 1}]
    file = tmp_path / "prompts.jsonl"
    lines = [{"id": place, "prompt": "1+1=", "item": item} for place, item in enumerate(items)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(BadInput, match=r"^prompt 1\.item\.refrence '2': unknown field"):
        new_trainer(None, prompts__path=str(file))
    assert not (tmp_path / "run").exists()
    # What a reward of one's own makes of an item is its own.
    new_trainer(likes_letters, prompts__path=str(file))


def test_without_prompts_there_is_nothing_to_train(tiny_model: Path) -> None:
    with pytest.raises(BadInput, match=r"^prompts \[\]: expected at least one$"):
        Trainer(TrainerConfig.load(None, {"model.path": str(tiny_model)}), prompts=[], reward=likes_letters)


@pytest.mark.parametrize(
    ("template", "messages", "said"),
    [
        (None, [{"role": "user", "content": "1+1="}], "the tokenizer has no chat template: expected text"),
        ("{{ messages[0]['content'] + '' }}", [{"role": "user"}], "the tokenizer's chat template does not take it: "),
        ("{{ messages[0]['content'] + '' }}", [], "the tokenizer's chat template does not take it: "),
    ],
)
def test_messages_that_the_tokenizer_does_not_take(
    tiny_model: Path, tmp_path: Path, template: str | None, messages: list[Any], said: str
) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.chat_template = template
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps({"id": 1, "prompt": messages, "item": {}}))
    with pytest.raises(BadInput) as caught:
        read_prompts(file, tokenizer)
    assert caught.value.field == f"{file}:1.prompt"
    assert caught.value.message.startswith(said)


def test_advantages_are_one_for_each_rollout(new_trainer: NewTrainer) -> None:
    trainer = new_trainer(likes_letters)
    groups = trainer.rollout()
    advantages = trainer.advantages(groups)
    with pytest.raises(BadInput, match=rf"^advantages \(3,\): expected the shape \({len(advantages)},\)"):
        trainer.update(groups, advantages[:3])
    assert trainer.policy_version == 0
    assert trainer.update(groups, advantages.numpy()).rollouts == len(advantages)  # type: ignore[arg-type]


def test_a_start_that_fails_late_gives_back_its_engine(
    new_trainer: NewTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def too_long(_trainer: Trainer) -> float:
        raise BadInput("update.tokens_per_micro_batch", 16384, "more than the memory holds")

    monkeypatch.setattr(Trainer, "probe", too_long)
    monkeypatch.setattr(TorchRollouts, "close", lambda engine: closed.append(engine))
    with pytest.raises(BadInput, match="more than the memory holds"):
        new_trainer(likes_letters)
    assert len(closed) == 1
