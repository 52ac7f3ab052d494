"""What people see; the built pages are in dist/."""
