"""Critics: a version in, findings out. One file each."""
