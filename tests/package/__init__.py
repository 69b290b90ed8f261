"""Is what we publish complete? The archives are built, read, installed and used."""
