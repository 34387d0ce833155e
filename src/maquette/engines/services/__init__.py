"""What engines behind a service share: the way of a request, words, local edits, prices."""
