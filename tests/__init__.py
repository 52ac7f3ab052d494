"""The tests mirror the rooms; see README.md."""
