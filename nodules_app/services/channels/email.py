"""E-mail by SMTP. Where a conversation broke off decides whether the message may have gone out."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.utils import formataddr, formatdate, parseaddr

from django.conf import settings

from nodules_app.services.channels import NotTaken, Outgoing, Taken, Uncertain

PERMANENT = 500  # SMTP replies from 500 on: do not try again unchanged (RFC 5321, section 4.2.1)


def send(message: Outgoing) -> Taken:
    """Hand one message to the mail server.

    Until the body has been sent every fault means "not taken". From the first byte of the body to the server's answer
    a broken connection means "nobody knows": the server may have taken it. The Message-ID is made of the key, so that
    a second copy can be told from a second message.

    Raises
    ------
    NotTaken
        The server refused, or could not be reached.
    Uncertain
        The connection ended between the body and the answer.
    """
    mail = _compose(message)
    server = _connect()
    try:
        _envelope(server, message)
        reply, words = _body(server, mail)
    finally:
        server.close()
    said = f"{reply} {words.decode(errors='replace')}"
    if reply != 250:
        raise NotTaken(said, for_good=reply >= PERMANENT)
    return Taken(reference=said[:200])


def _compose(message: Outgoing) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = formataddr((message.sender_name, settings.MAIL_FROM))
    mail["To"] = message.to
    if message.reply_to:
        mail["Reply-To"] = message.reply_to
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{message.key.replace(':', '.')}@{parseaddr(settings.MAIL_FROM)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)
    return mail


def _connect() -> smtplib.SMTP:
    config = settings.SMTP
    kind = smtplib.SMTP_SSL if config.get("EMAIL_USE_SSL") else smtplib.SMTP
    try:
        server = kind(config["EMAIL_HOST"], config["EMAIL_PORT"] or 25, timeout=settings.SENDING_TIMEOUT_S)
    except (smtplib.SMTPException, OSError) as problem:
        raise NotTaken(f"the mail server does not answer: {problem}") from problem
    try:
        server.ehlo()
        if config.get("EMAIL_USE_TLS"):
            server.starttls()
            server.ehlo()
        if config.get("EMAIL_HOST_USER"):
            server.login(config["EMAIL_HOST_USER"], config["EMAIL_HOST_PASSWORD"])
    except (smtplib.SMTPException, OSError) as problem:
        server.close()
        raise NotTaken(f"the mail server ends the greeting: {problem}") from problem
    return server


def _envelope(server: smtplib.SMTP, message: Outgoing) -> None:
    """Say from whom and to whom, and ask for leave to send the body."""
    try:
        for reply, words in (
            server.mail(parseaddr(settings.MAIL_FROM)[1]),
            server.rcpt(message.to),
            server.docmd("DATA"),
        ):
            if reply not in (250, 251, 354):
                raise NotTaken(f"{reply} {words.decode(errors='replace')}", for_good=reply >= PERMANENT)
    except (smtplib.SMTPException, OSError) as problem:
        raise NotTaken(f"the mail server broke off before the message: {problem}") from problem


def _body(server: smtplib.SMTP, mail: EmailMessage) -> tuple[int, bytes]:
    """Send the body and wait for the answer; what breaks in between leaves everybody in the dark."""
    text = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n", cte_type="7bit"))
    dotted = b"".join(b"." + line if line.startswith(b".") else line for line in text.splitlines(keepends=True))
    try:
        server.send(dotted + b".\r\n" if dotted.endswith(b"\r\n") else dotted + b"\r\n.\r\n")
        return server.getreply()
    except (smtplib.SMTPException, OSError) as problem:
        raise Uncertain(f"the mail server broke off after the message: {problem}") from problem
