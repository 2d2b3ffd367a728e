"""HTTP interfaces as other trainers ask them: paths of the daemon, one file for each trainer."""
