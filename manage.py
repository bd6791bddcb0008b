#!/usr/bin/env python
"""Django's command line for Data Pusher."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datapusher.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        # The first line names what is wrong with the connection; a traceback would say no more.
        sys.exit(f"datapusher: DATABASE_URL: the database does not answer: {str(error).splitlines()[0]}")
