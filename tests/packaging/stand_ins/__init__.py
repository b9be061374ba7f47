"""Libraries that want a container engine, as far as the docs use them: they start `mock-akool serve` instead."""
