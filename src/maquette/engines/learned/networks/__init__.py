"""Networks that enlarge pictures, in plain torch, one family a file."""
