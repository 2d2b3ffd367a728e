"""Maths: one final answer against its reference."""
