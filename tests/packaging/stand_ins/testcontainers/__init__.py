"""A stand-in for the package `testcontainers`."""
