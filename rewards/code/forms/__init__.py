"""Rows of public data sets, read as items: one file for each family of forms."""

from __future__ import annotations
