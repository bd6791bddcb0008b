"""What others react to. A receiver only marks, in the sender's transaction; the work follows in small ones."""

from django.dispatch import Signal

# account_id, destination_id
destination_deleted = Signal()

# destination_id
destination_resumed = Signal()
