"""What gunicorn loads: the application with every view behind it."""

from __future__ import annotations

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
application = get_wsgi_application()
import_module("nodules_app.urls")  # else the first reader of each process waits 0.7 s for it
