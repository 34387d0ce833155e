"""Side-by-side measurements: one run, one table, ``out/bench.json``. They report, never fail."""
