"""Duty, alarms and reminders before a lecture, and the channels over which they leave the house."""
