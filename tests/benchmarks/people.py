"""`python -m tests.benchmarks.people ACCOUNTS URL`: that many accounts with one destination each; prints a token a line."""

import sys

import django

django.setup()

from django.conf import settings  # noqa: E402  (after setup)
from django.db import transaction  # noqa: E402

from apps.accounts.models import Member  # noqa: E402
from apps.accounts.services import create_account  # noqa: E402
from apps.users.models import User  # noqa: E402
from tests.cast import make_destination  # noqa: E402


def main(number: int, url: str) -> None:
    settings.MAX_ACCOUNTS_PER_USER = number
    user = User.objects.create_user("bench@example.com")
    for each in range(number):
        with transaction.atomic():
            account, token = create_account(by=user, account_name=f"account {each}")
            make_destination(Member.objects.get(account=account), url)
        print(token)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
