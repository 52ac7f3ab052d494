"""The Socket.IO namespace /live: presence and commands; the only door to python-socketio."""
