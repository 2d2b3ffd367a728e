"""Benches that know rewards."""
