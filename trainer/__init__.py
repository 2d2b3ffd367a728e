"""Mirror descent on rewards, as Kimi k1.5 describes it: prompts, rollouts, advantage, loss, policy, weight sync."""
