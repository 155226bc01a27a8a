"""What the frame of every page needs besides the page's own context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext, to_locale
from django.utils.translation import gettext_lazy as _

from nodules_app.models import User
from nodules_app.selectors import clinics, safety_net
from nodules_app.selectors.clinics import Act
from nodules_app.selectors.preferences import Preferences, preferences
from nodules_app.templatetags import quantities

register = template.Library()

# Only pages that exist stand here; a page brings its entry with it.
PAGES: Final[tuple[tuple[Promise | str, tuple[tuple[str, Promise, str], ...]], ...]] = (
    (
        "",
        (
            ("worklist", _("Worklist"), "list"),
            ("reading-list", _("Reading list"), "read"),
            ("my-patients", _("My patients"), "user"),
            ("board", _("Board"), "board"),
            ("arrivals", _("Arrivals"), "ct"),
            ("schedule", _("Schedule"), "calendar"),
            ("reminders", _("Reminders"), "bell"),
            ("mdt", _("Conference"), "mdt"),
            ("quality", _("Quality"), "chart"),
        ),
    ),
    (_("Tools"), (("what-if", _("What if"), "decide"), ("imports", _("Import"), "import"))),
)
GOVERNANCE: Final = _("Clinic")


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    label: Promise | str
    icon: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: Promise | str
    links: tuple[Link, ...]


@register.simple_tag(takes_context=True)
def navigation(context: Context) -> tuple[Group, ...]:
    """Give the entries of the side navigation, the present page marked; nothing to people who are not signed in."""
    request = context.get("request")
    user = getattr(request, "user", None)  # a request for a wrong host is refused before anybody is known
    if request is None or user is None or not user.is_authenticated:
        return ()
    here = request.resolver_match.url_name if request.resolver_match else ""
    groups = tuple(
        Group(title, tuple(Link(reverse(name), label, icon, name == here) for name, label, icon in pages))
        for title, pages in PAGES
    )
    return (*groups, Group(GOVERNANCE, _of_the_clinic(user, request.path, here)))


def _of_the_clinic(user: User, path: str, here: str) -> tuple[Link, ...]:
    """The pages that only some people may open, and the way to a patient of another clinic."""
    held = clinics.roles_of(user)
    acts = clinics.acts_of_roles(one.role for one in held)
    links = [Link(reverse("emergency"), _("In an emergency"), "lock", here == "emergency")] if Act.SEE in acts else []
    if Act.RECORD in acts:
        links.append(Link(reverse("who-is-who"), _("Who is who"), "user", here == "who-is-who"))
        links.append(Link(reverse("lists"), _("Lists"), "list", here.startswith("list")))
    if Act.SEE in acts:
        links.append(Link(reverse("priors"), _("Earlier exams"), "clock", here == "priors"))
    if Act.ADMINISTER in acts:
        links.append(Link(reverse("connections"), _("Connections"), "import", here == "connections"))
    if any({Act.SEE, Act.MANAGE} <= clinics.acts_of_roles([one.role]) for one in held):
        links.append(Link(reverse("deidentified"), _("De-identified export"), "download", here == "deidentified"))
    if Act.ADMINISTER in acts:
        links.append(Link(reverse("models"), _("Learned models"), "target", here == "models"))
    if Act.AUDIT in acts:
        links.append(Link(reverse("audit"), _("Audit trail"), "seen", here == "audit"))
    for one in held:
        if Act.ADMINISTER in clinics.acts_of_roles([one.role]):
            url = reverse("clinic-settings", kwargs={"code": one.clinic.code})
            links.append(Link(url, one.clinic.name, "home", path == url))
    return tuple(links)


@register.simple_tag(takes_context=True)
def chosen_preferences(context: Context) -> Preferences:
    """Give the appearance and keys that this browser asked for."""
    request = context.get("request")
    return preferences(request.COOKIES if request else {})


@register.simple_tag
def html_lang() -> str:
    """Give the language in the form of BCP 47: zh-Hans, not zh-hans, so that fonts and screen readers agree."""
    return to_locale(get_language() or "en").replace("_", "-")


@register.simple_tag(takes_context=True)
def html_attributes(context: Context) -> SafeString:
    """Write the preferences onto the root element, where the style sheet and the scripts read them."""
    chosen = chosen_preferences(context)
    keys = "on" if chosen.keys else "off"
    if chosen.theme == "auto":
        return format_html('data-keys="{}"', keys)
    return format_html('data-theme="{}" data-keys="{}"', chosen.theme, keys)


@register.inclusion_tag("components/heartbeat.html")
def heartbeat() -> dict[str, object]:
    """Say on every page whether the safety net runs; when it does not, the words change and not only the colour."""
    return safety_net_words()


@register.inclusion_tag("components/sweep.html")
def sweep() -> dict[str, object]:
    """Say the same as one line of the worklist, or as a notice when nobody is being checked."""
    return safety_net_words()


def safety_net_words() -> dict[str, object]:
    proof = safety_net.heartbeat(now=timezone.now())
    moment = quantities.moment_text(proof.proved_at) if proof.proved_at else ""
    covered = ngettext(
        "%(count)s active nodule has an open step.", "%(count)s active nodules have an open step.", proof.active_nodules
    ) % {"count": proof.active_nodules}
    if proof.proved_at is None:
        text, title = (
            gettext("Safety net not checked yet"),
            gettext("No check has been recorded. It runs every ten minutes."),
        )
    elif proof.late:
        text = gettext("Safety net stopped since %(moment)s") % {"moment": moment}
        title = gettext("Last check %(moment)s. Tell the operator: nobody is being checked.") % {"moment": moment}
    else:
        text, title = gettext("Safety net %(moment)s · nobody lost") % {"moment": moment}, covered
    return {
        "late": proof.late,
        "text": text,
        "title": title,
        "moment": moment,
        "covered": covered,
        "url": reverse("safety-net"),
    }
