"""The database: engine, sessions, schema metadata, migrations."""
