"""Drafts: the base in four steps and one pass each, distilled into a LoRA."""
