"""A signed-in reader and the words of a page, for the tests of pages."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from nodules_app.models import Patient, Role
from tests import factories


def signed_in(role: Role = Role.RADIOLOGIST, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(factories.member(role))
    return client


def page_of(patient: Patient, client: Client | None = None, query: str = "") -> str:
    response = (client or signed_in()).get(reverse("patient", kwargs={"code": patient.code}) + query)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    """The page as a reader sees it: no tags, single spaces."""
    without_scripts = re.sub(r"<script.*?</script>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without_scripts))
