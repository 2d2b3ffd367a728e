"""The commands that know rewards: serve, score, demo."""
