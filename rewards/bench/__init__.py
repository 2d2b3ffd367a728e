"""Benches of rewards: what judging programs and maths answers costs, beside other ways in the same run."""
