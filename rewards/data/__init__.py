"""Public data sets and the bundled sample, as items."""
