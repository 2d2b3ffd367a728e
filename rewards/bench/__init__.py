"""Benches of rewards: what judging programs costs, beside other ways to judge them in the same run."""
