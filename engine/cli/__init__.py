"""The command `assay`: its start, and the commands of the engine."""
