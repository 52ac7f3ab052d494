"""The control plane: the HTTP application, identity, lectures, live broadcasts, attendance, library."""
