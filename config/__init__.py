"""Settings: one documented default file, one typed loader, region data."""
