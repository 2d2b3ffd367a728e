"""Judge models: what no rule decides, a model reads."""
