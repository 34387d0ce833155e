"""Other people's protocols, a subpackage a face: each translates to orders and back, no more."""
