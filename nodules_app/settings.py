"""Everything that differs between machines comes from the environment; see docs/operating.md, one line a variable."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("NODULES_VAR", str(BASE_DIR / "var")))

DEBUG = env.bool("DEBUG", False)
DEVELOPMENT_KEY = "for development only, production must set SECRET_KEY to something long and random"
SECRET_KEY = env.str("SECRET_KEY", DEVELOPMENT_KEY)
# Passwords of connections are sealed with the first, and read with any of them or with SECRET_KEY; none: with that.
SECRETS_KEYS: list[str] = env.list("NODULES_SECRETS_KEYS", [])
PRODUCTION = env.bool("NODULES_PRODUCTION", False)
DEMO = env.bool("NODULES_DEMO", False)  # a simulated clinic: the sign-in page says so
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# The default names no real host: type checks may load these settings, and a server without its database says so.
DATABASES = {"default": env.dj_db_url("DATABASE_URL", "postgresql://nobody@database-url-is-not-set/nodules")}
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
REDIS_URL = env.str("REDIS_URL", "redis://redis-url-is-not-set:6379")
REDIS_DATABASE = env.int("NODULES_REDIS_DATABASE", 0)  # the queue; the next number is the cache

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "nodules_app.apps.NodulesConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "nodules_app.views.meanwhile.JoinedMeanwhile",
]
ROOT_URLCONF = "nodules_app.urls"
WSGI_APPLICATION = "nodules_app.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.l10n", "django.templatetags.static"],
        },
    },
]
AUTH_USER_MODEL = "nodules_app.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "worklist"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "nodules_app" / "locale"]
USE_TZ = True
TIME_ZONE = env.str("NODULES_TIME_ZONE", "UTC")
FORMAT_MODULE_PATH = ["nodules_app.locale"]

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION

ARCHIVE_DIR = Path(env.str("NODULES_ARCHIVE", str(VAR_DIR / "archive")))  # originals, byte for byte
CACHE_DIR = Path(env.str("NODULES_CACHE", str(VAR_DIR / "cache")))  # volumes, masks, maps: can be made again
CACHE_LIMIT_GB = env.float("NODULES_CACHE_LIMIT_GB", 200.0)  # of volumes, the oldest go first; 0: no limit
INBOX_DIR = Path(env.str("NODULES_INBOX", str(VAR_DIR / "inbox")))  # uploads that a worker has not read yet
UPLOAD_LIMIT_BYTES = env.int("NODULES_UPLOAD_LIMIT_MB", 4096) * 2**20
DATA_UPLOAD_MAX_NUMBER_FILES = 4000
FILE_UPLOAD_TEMP_DIR = env.str("NODULES_UPLOAD_TEMP", "") or None

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"{REDIS_URL}/{REDIS_DATABASE + 1}",
    }
}
CELERY_BROKER_URL = f"{REDIS_URL}/{REDIS_DATABASE}"
CELERY_TASK_IGNORE_RESULT = True  # the Run row is the result
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 1800
# The timeout stands above the longest task; the two others make kombu look for lost messages every two seconds.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2400,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}
CELERY_TASK_DEFAULT_QUEUE = "desk"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "nodules.sweep_runs", "schedule": env.float("NODULES_SWEEP_S", 20.0)},
    "unread-exams": {"task": "nodules.owe_unread_exams", "schedule": 3600.0},
    "safety-net": {"task": "nodules.prove_nobody_is_lost", "schedule": 600.0},
    "reminders": {"task": "nodules.sweep_reminders", "schedule": env.float("NODULES_REMINDERS_S", 900.0)},
    "outbox": {"task": "nodules.dispatch_reminders", "schedule": env.float("NODULES_DISPATCH_S", 60.0)},
    "conference-lists": {"task": "nodules.close_conference_lists", "schedule": 600.0},
    "reconcile": {"task": "nodules.reconcile_reminders", "schedule": 300.0},
    "errands": {
        "task": "nodules.do_errands",
        "schedule": env.float("NODULES_ERRANDS_S", 30.0),
        "options": {"queue": "cpu"},  # they read and write DICOM
    },
    "orphaned-uploads": {"task": "nodules.drop_orphaned_uploads", "schedule": 3600.0},
    "figures": {"task": "nodules.count_quality_ahead", "schedule": 3600.0},
    "old-volumes": {"task": "nodules.drop_old_volumes", "schedule": 3600.0},
}
# DICOM over the network: who we are, where `manage.py receive` listens, and how patient we are.
DICOM_TITLE = env.str("NODULES_AE_TITLE", "NODULES")
DICOM_HOST = env.str("NODULES_DICOM_HOST", "0.0.0.0")  # noqa: S104 callers are told apart by title and address
DICOM_PORT = env.int("NODULES_DICOM_PORT", 11112)
DICOM_CERTIFICATE = env.path("NODULES_DICOM_CERTIFICATE", None)
DICOM_KEY = env.path("NODULES_DICOM_KEY", None)
DICOM_AUTHORITIES = env.path("NODULES_DICOM_AUTHORITIES", None)
DICOM_LISTEN_TLS = env.bool("NODULES_DICOM_LISTEN_TLS", False)
DICOM_QUIET_S = env.float("NODULES_DICOM_QUIET_S", 30.0)  # after the last image, before an exam is read
DICOM_TIMEOUT_S = env.float("NODULES_DICOM_TIMEOUT_S", 30.0)
DICOM_BROKEN_DAYS = env.float("NODULES_DICOM_BROKEN_DAYS", 30.0)  # exams that broke off are kept so long; 0: for good
DICOM_RESERVE_MB = env.int("NODULES_DICOM_RESERVE_MB", 2048)  # of the disk, never filled by what others send
PRIORS_GIVE_UP_H = env.float("NODULES_PRIORS_GIVE_UP_H", 48.0)
SENDING_GIVE_UP_H = env.float("NODULES_SENDING_GIVE_UP_H", 168.0)
RUN_LEASE_S = env.float("NODULES_RUN_LEASE_S", 30.0)  # a worker renews it three times as often
RUN_SEND_AGAIN_S = env.float("NODULES_SEND_AGAIN_S", 60.0)  # a queued run that nobody took is sent again after this
# Where reminders go out; a channel without an address does not exist, and letters and calls take its place.
SMTP = env.dj_email_url("NODULES_SMTP_URL", "")
MAIL_FROM = env.str("NODULES_MAIL_FROM", "")
GATEWAY_URL = env.str("NODULES_GATEWAY_URL", "")
GATEWAY_SECRET = env.str("NODULES_GATEWAY_SECRET", "")  # signs what we send and what the gateway tells us
SENDING_TIMEOUT_S = env.float("NODULES_SENDING_TIMEOUT_S", 20.0)
LETTER_FONT = env.str("NODULES_LETTER_FONT", "")  # a font file with the letters of every language that is written
IMAGING_DEVICE = env.str("NODULES_DEVICE", "cpu")  # cpu, cuda or auto
MODELS_DIR = env.path("NODULES_MODELS", None)  # a folder with a hospital's own learned models

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("NODULES_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("NODULES_HSTS_S", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    if DEBUG or SECRET_KEY == DEVELOPMENT_KEY or env.bool("NODULES_EMBEDDED", False):
        raise ImproperlyConfigured("Production needs DEBUG off, a SECRET_KEY of its own, and real database servers.")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("NODULES_LOG_LEVEL", "INFO")},
}
