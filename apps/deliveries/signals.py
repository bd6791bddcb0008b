"""What others react to."""

from django.dispatch import Signal

# Once a minute, by the chores: who keeps something for a time removes what is over, at most 1,000 rows, and returns how many.
tidying = Signal()
