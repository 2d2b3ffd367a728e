"""Benches: what this machine can do, each figure beside a floor or a peer of the same run."""
