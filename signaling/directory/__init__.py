"""Regions, schools, classes and their screens."""
