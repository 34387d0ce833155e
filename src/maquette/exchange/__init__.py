"""Exchange: releases out with metadata and credentials, anyone's files in, and what they tell."""
