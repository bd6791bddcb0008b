"""Which admin site the project has."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):
    default_site = "apps.common.admin.OperatorSite"
