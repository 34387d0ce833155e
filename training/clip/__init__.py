"""A small CLIP of the world: scores of text and picture, search, features of pictures."""
