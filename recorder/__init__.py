"""Time and files: access units, fragmented MP4, finished recordings."""
