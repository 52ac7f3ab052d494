"""Lectures, their approval and the classes they are meant for."""
