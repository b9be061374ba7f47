"""The version, in one place that costs next to nothing to import: that of the tag, as the build wrote it down."""

try:
    from mock_akool._built import __version__ as __version__
except ModuleNotFoundError:
    # Sources that were never built or installed, such as a folder on PYTHONPATH.
    __version__ = "0.0.0"
