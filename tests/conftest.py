"""What holds for all tests."""

import os
import tempfile

from hypothesis import settings

# Tests say what is right; benches say how long it takes. A busy machine fails no property.
settings.register_profile("maquette", deadline=None)
settings.load_profile("maquette")

# What the person at this machine keeps, settings, keys and adapters, is neither read nor touched.
_OWN = tempfile.TemporaryDirectory(prefix="maquette-tests-")
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = _OWN.name
