"""The configuration: one file, one table for each part."""
