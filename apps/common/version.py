"""The product's version, as receivers see it in User-Agent."""

__version__ = "0.1.0"
