"""Named scenarios as YAML files, and what reads scenario files."""
