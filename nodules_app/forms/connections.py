"""Setting a connection to a PACS up: what must be there follows from its kind and from what it is used for."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import Clinic, Connection, ConnectionKind, RetrieveBy
from nodules_app.services.sealing import seal

HOST_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
FIRST: Final = ("name", "kind")
DIMSE_FIELDS: Final = ("title", "host", "port", "own_title", "tls", "networks", "retrieve_by")
WEB_FIELDS: Final = ("url", "user", "secret", "forget_secret")
USED_FOR: Final = ("receives", "queries", "priors", "sends")


if TYPE_CHECKING:

    class OfConnection(forms.ModelForm[Connection]): ...

else:
    OfConnection = forms.ModelForm  # takes no type when it runs


class ConnectionForm(OfConnection):
    """The secret goes in and is never shown again: an empty field leaves it as it is."""

    secret = forms.CharField(
        label=_("Password or token"),
        required=False,
        max_length=300,
        strip=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Never shown again. Empty: as it is now. Without a user name it is sent as a bearer token."),
    )
    forget_secret = forms.BooleanField(label=_("Forget the stored password"), required=False)

    class Meta:
        model = Connection
        fields = (*FIRST, *DIMSE_FIELDS, *WEB_FIELDS[:2], *USED_FOR)
        help_texts = {
            "title": _("As its administrator says; capital letters count."),
            "own_title": _("Empty: the title of this installation."),
            "networks": _("IP addresses or networks from which it may send, with commas. Empty: its host only."),
            "url": _("Such as https://pacs.example/dicom-web"),
            "priors": _("The newest ones and the oldest as baseline, of the chest. 0: none."),
            "tls": _("Certificates are set up by the operator."),
        }
        widgets = {"url": forms.TextInput(attrs={"inputmode": "url"})}

    def __init__(self, *args: Any, clinic: Clinic, **more: Any) -> None:  # noqa: ANN401 Django's own signature
        super().__init__(*args, **more)
        self.instance.clinic = clinic
        self._known_secret = self.instance.secret
        self.order_fields([*FIRST, *DIMSE_FIELDS, *WEB_FIELDS, *USED_FOR])
        if not self._known_secret:
            del self.fields["forget_secret"]

    @property
    def groups(self) -> list[tuple[object, list[forms.BoundField]]]:
        """The fields under their headings."""
        named = ((_("Connection"), FIRST), (_("DICOM (DIMSE)"), DIMSE_FIELDS), (_("DICOMweb"), WEB_FIELDS))
        return [
            (title, [self[name] for name in names if name in self.fields])
            for title, names in (*named, (_("Used for"), USED_FOR))
        ]

    def clean_networks(self) -> str:
        parts = [part.strip() for part in self.cleaned_data["networks"].split(",") if part.strip()]
        for part in parts:
            if not _is_network(part) and not HOST_NAME.fullmatch(part):
                raise forms.ValidationError(_("“%(part)s” is neither an address nor a network."), params={"part": part})
        return ", ".join(parts)

    def clean_host(self) -> str:
        host = self.cleaned_data["host"].strip()
        if host and not _is_network(host) and not HOST_NAME.fullmatch(host):
            raise forms.ValidationError(_("Give a host name or an IP address, without port and without slashes."))
        return str(host)

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"].strip().rstrip("/"))
        if not url:
            return ""
        try:
            parts = urlsplit(url)
            _port = parts.port
        except ValueError as wrong:
            raise forms.ValidationError(_("This is no address.")) from wrong
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise forms.ValidationError(_("Give an address that begins with http:// or https://."))
        if parts.username or parts.password:
            raise forms.ValidationError(_("Give user name and password in their own fields; an address is shown."))
        return url

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        needed = _("This is needed for a connection of this kind.")
        if told.get("kind") == ConnectionKind.DICOMWEB:
            self._require(("url",), needed)
            if told.get("receives"):
                self.add_error("receives", _("What is sent to us comes by DICOM (DIMSE)."))
        else:
            self._require(("title",), needed)
            if told.get("queries") or told.get("sends"):
                self._require(("host", "port"), needed)
            if told.get("receives") and not (told.get("host") or told.get("networks")):
                self.add_error("networks", _("Say from where it may send."))
            if told.get("queries") and told.get("retrieve_by") == RetrieveBy.MOVE and not told.get("receives"):
                self.add_error("receives", _("By C-MOVE the PACS sends exams to us: allow it, or choose C-GET."))
        self._require_unique(told)
        kept = "" if told.get("forget_secret") else self._known_secret
        secret = seal(told["secret"]) if told.get("secret") else kept
        self.instance.secret = secret if told.get("kind") == ConnectionKind.DICOMWEB else ""
        return told

    def _require_unique(self, told: dict[str, Any]) -> None:
        """Say kindly what the constraints would refuse."""
        others = Connection.objects.filter(retired_at__isnull=True).exclude(pk=self.instance.pk)
        if others.filter(clinic=self.instance.clinic, name=told.get("name", "")).exists():
            self.add_error("name", _("This clinic has a connection of that name already."))
        if told.get("receives") and others.filter(receives=True, title=told.get("title", "")).exists():
            self.add_error("title", _("Another connection receives from this AE title already."))

    def _require(self, names: tuple[str, ...], why: object) -> None:
        for name in names:
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, str(why))


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
