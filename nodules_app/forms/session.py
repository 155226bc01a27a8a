"""Signing in."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    """Django's own check with words that say what to do; it never tells which of the two was wrong."""

    error_messages = {
        "invalid_login": _("User name and password do not fit together. Both tell capital letters from small ones."),
        "inactive": _("This account is closed. Ask the programme manager to open it again."),
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["username"].label = _("User name")
        self.fields["password"].help_text = _("You may paste it or use a password manager.")
