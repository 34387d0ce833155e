"""The story's verbs, written against the contracts alone."""
