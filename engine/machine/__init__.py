"""What this machine is, has and lacks."""
