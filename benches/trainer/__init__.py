"""`make bench-train`: the trainer beside TRL's, and its own measures of speed one by one."""
