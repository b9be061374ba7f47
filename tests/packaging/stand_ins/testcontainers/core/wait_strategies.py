"""A stand-in for the module of this name."""


class HealthcheckWaitStrategy:
    """Waits for the health check: the stand-in's server is well when it has said its address."""
