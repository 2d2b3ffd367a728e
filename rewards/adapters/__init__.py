"""Reward functions as other trainers call them: one file for each trainer."""
