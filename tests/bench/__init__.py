"""Figures, printed and never gated."""
