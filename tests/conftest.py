"""What holds for all tests."""

from hypothesis import settings

# Tests say what is right; benches say how long it takes. A busy machine fails no property.
settings.register_profile("maquette", deadline=None)
settings.load_profile("maquette")
