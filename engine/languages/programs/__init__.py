"""A program for each language, which `assay doctor --languages` and the tests run."""
