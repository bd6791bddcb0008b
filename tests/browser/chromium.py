"""The Chromium of this machine. Playwright would download one of its own."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox"]  # whoever runs as root has none


class NoChromium(Exception):
    pass


def found() -> str:
    path = next((path for path in map(shutil.which, NAMES) if path), None)
    if path is None:
        raise NoChromium("No Chromium is installed, and the pages are looked at with one: apt-get install chromium")
    return path
