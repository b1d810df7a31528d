"""Rendered examples of a mixture as files: sharded, checksummed, resumable."""
