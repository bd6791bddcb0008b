"""What happens to a person and concerns apps to the right. The receivers run in the sender's transaction."""

from django.dispatch import Signal

# `user`: has proved who they are, by refresh token or a session. (A browser's sign-in sends Django's own signal.)
came = Signal()
# `user`: is about to be erased. A receiver may raise Conflict, and then nothing has changed.
leaving = Signal()
