"""Engines: a recipe in, pictures out. One file each, loaded on use by its file's name."""
