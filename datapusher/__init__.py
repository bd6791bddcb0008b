"""The project package: composition only, no domain."""

__version__ = "0.1.0"
