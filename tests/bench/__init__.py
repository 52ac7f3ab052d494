"""Figures: printed, written to `var/`, never gated."""
