"""The honest no of a PACS, or of the way to it: one sentence that names the peer, and what to check."""

from __future__ import annotations

from registration.errors import Refused, gettext_noop


class NetworkRefused(Refused):
    """Something could not be asked, brought or sent. Asking again later may help; nothing was lost."""


class PeerUnreachable(NetworkRefused):
    """There was nobody to talk to."""


class UnknownHost(PeerUnreachable):
    """The name leads nowhere."""

    code = "unknown_host"
    sentence = gettext_noop("The host {host} is not known on this network.")
    remedy = gettext_noop("Check the name, or give the IP address.")


class NothingListens(PeerUnreachable):
    """The machine is there and the port is closed."""

    code = "nothing_listens"
    sentence = gettext_noop("Nothing listens at {host}, port {port}.")
    remedy = gettext_noop("Check the port, and that the PACS is running.")


class NoAnswer(PeerUnreachable):
    """Silence, at the door or in the middle of a conversation."""

    code = "no_answer"
    sentence = gettext_noop("{host} did not answer within {seconds:.0f} s.")
    remedy = gettext_noop("Check address and firewall; when it is only busy, it is asked again.")


class BrokenOff(PeerUnreachable):
    """The other side hung up."""

    code = "broken_off"
    sentence = gettext_noop("{host} broke the connection off.")
    remedy = gettext_noop("Check whether it asks for TLS, and whether it lets this server in.")


class TlsFailed(NetworkRefused):
    """No agreement on encryption, or a certificate that is not believed."""

    code = "tls_failed"
    sentence = gettext_noop("The encrypted connection to {host} failed: {reason}.")
    remedy = gettext_noop("Check that it speaks TLS on this port, and the certificates on both sides.")


class WrongCalledTitle(NetworkRefused):
    """The PACS goes by another name."""

    code = "wrong_called_title"
    sentence = gettext_noop("The PACS at {host} says that {title} is not its AE title.")
    remedy = gettext_noop("Ask for its AE title; capital letters count.")


class WeAreUnknown(NetworkRefused):
    """The PACS does not let our title in."""

    code = "we_are_unknown"
    sentence = gettext_noop("The PACS at {host} does not know our AE title {own}.")
    remedy = gettext_noop("Ask its administrator to enter our AE title, address and port.")


class AssociationRefused(NetworkRefused):
    """No, for another reason."""

    code = "association_refused"
    sentence = gettext_noop("The PACS at {host} refused the association (result {result}, reason {reason}).")
    remedy = gettext_noop("When it is only busy, it is asked again; otherwise ask its administrator.")


class NotOffered(NetworkRefused):
    """It does not do this, or not for us."""

    code = "service_not_offered"
    sentence = gettext_noop("The PACS at {host} does not offer {service}.")
    remedy = gettext_noop("Choose another way on the page of the connection, or ask its administrator.")


class QuestionFailed(NetworkRefused):
    """C-FIND, C-MOVE or C-GET ended with a failure."""

    code = "question_failed"
    sentence = gettext_noop("The PACS at {host} answered {service} with status {status}.")
    remedy = gettext_noop("It is asked again; when it stays so, ask its administrator what the status means.")


class DestinationUnknown(NetworkRefused):
    """C-MOVE to a title that the PACS cannot find."""

    code = "destination_unknown"
    sentence = gettext_noop("The PACS at {host} does not know where {own} is, so that it cannot send exams there.")
    remedy = gettext_noop("Ask its administrator to enter our AE title, address and port as a destination.")


class NotAllCame(NetworkRefused):
    """A retrieval that left images out."""

    code = "not_all_came"
    sentence = gettext_noop("The PACS at {host} sent {completed} images of an exam and failed with {failed}.")
    remedy = gettext_noop("It is asked again; when it stays so, have the exam checked in the PACS.")


class NotTaken(NetworkRefused):
    """C-STORE or STOW of ours that was turned down."""

    code = "not_taken"
    sentence = gettext_noop(
        "The PACS at {host} turned {failed} of {count} objects down, the first with status {status}."
    )
    remedy = gettext_noop("They are sent again; when it stays so, ask its administrator what the status means.")


class SignInFailed(NetworkRefused):
    """HTTP 401 or 403."""

    code = "sign_in_failed"
    sentence = gettext_noop("The DICOMweb service at {host} does not let this user in (HTTP {status}).")
    remedy = gettext_noop("Enter user name and password again, or ask its administrator for the right to do this.")


class NoServiceThere(NetworkRefused):
    """An address that answers, though not as DICOMweb."""

    code = "no_service_there"
    sentence = gettext_noop("{host} answers, but not as DICOMweb (HTTP {status}).")
    remedy = gettext_noop("Check the address; it usually ends in /dicom-web or /dicomweb.")


class WebFailed(NetworkRefused):
    """Any other answer of an HTTP server."""

    code = "web_failed"
    sentence = gettext_noop("The DICOMweb service at {host} answered with HTTP {status}.")
    remedy = gettext_noop("It is asked again; when it stays so, ask its administrator.")
