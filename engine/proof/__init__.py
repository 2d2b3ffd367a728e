"""Is the sandbox sound, and whose fault is a fault."""
