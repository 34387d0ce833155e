"""Storage: blobs (bytes by digest) and records (versions, jobs, findings)."""
