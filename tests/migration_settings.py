"""The product's settings with the linter of migrations, for ``make check``."""

from nodules_app.settings import *  # noqa: F403 settings are names in a module; this one adds a tool
from nodules_app.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
