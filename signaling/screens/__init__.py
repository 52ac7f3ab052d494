"""Classroom screens: pairing, stickers, the inventory."""
