"""The project package: composition only, no domain."""
