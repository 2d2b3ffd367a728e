"""From a program to jobs: files, compile step, results kept."""
