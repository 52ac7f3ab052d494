"""Tests of the lines to classrooms: what the page /t asks of the server, and what screens report of it."""
