"""Every address of the product."""

from __future__ import annotations

from functools import partial

from django.urls import path
from django.views import defaults

from nodules_app.views import (
    assessments,
    health,
    imports,
    nodules,
    patients,
    points,
    preferences,
    scans,
    session,
    what_if,
    worklist,
)

urlpatterns = [
    path("", worklist.show, name="worklist"),
    path("worklist/rows", worklist.fragment, name="worklist-fragment"),
    path("import", imports.show, name="imports"),
    path("import/deliveries", imports.fragment, name="imports-fragment"),
    path("patients/<uuid:code>/", patients.show, name="patient"),
    path("patients/<uuid:code>/progress", patients.progress, name="patient-progress"),
    path("patients/<uuid:code>/risk-factors", patients.risk_factors, name="risk-factors"),
    path("patients/<uuid:code>/what-if", what_if.of_patient, name="patient-what-if"),
    path("patients/<uuid:code>/what-if/answers", what_if.answers_of_patient, name="patient-what-if-answers"),
    path("what-if", what_if.show, name="what-if"),
    path("what-if/changes", what_if.changes, name="what-if-changes"),
    path("what-if/answers", what_if.answers, name="what-if-answers"),
    path("nodules/<uuid:code>/describe", nodules.describe, name="describe-nodule"),
    path("matches/<uuid:code>/confirm", nodules.confirm_match, name="confirm-match"),
    path("matches/<uuid:code>/not-the-same", nodules.part_match, name="part-match"),
    path("nodules/<uuid:code>/reject", patients.reject_nodule, name="reject-nodule"),
    path("nodules/<uuid:code>/reopen", patients.reopen_nodule, name="reopen-nodule"),
    path("follow-ups/<uuid:code>/accept", assessments.accept, name="accept"),
    path("follow-ups/<uuid:code>/otherwise", assessments.override, name="override"),
    path("findings/<uuid:code>/move", points.move, name="move-finding"),
    path("findings/<uuid:code>/move/here", points.move_here, name="move-finding-here"),
    path("findings/<uuid:code>/crop.png", scans.crop_of_finding, name="crop"),
    path("scans/<uuid:code>/", scans.show, name="scan"),
    path("scans/<uuid:code>/slice.png", scans.slice_picture, name="slice"),
    path("scans/<uuid:code>/crop.png", scans.crop_of_place, name="place-crop"),
    path("scans/<uuid:code>/mark", scans.mark, name="mark"),
    path("scans/<uuid:code>/series", imports.choose_series, name="choose-series"),
    path("runs/<uuid:code>/again", imports.run_again, name="run-again"),
    path("sign-in", session.sign_in, name="sign-in"),
    path("sign-out", session.sign_out, name="sign-out"),
    path("language", session.set_language, name="set-language"),
    path("preferences", preferences.choose, name="preferences"),
    path("healthz", health.ready, name="healthz"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
]

handler400 = partial(defaults.bad_request, template_name="errors/400.html")
handler403 = partial(defaults.permission_denied, template_name="errors/403.html")
handler404 = partial(defaults.page_not_found, template_name="errors/404.html")
handler500 = partial(defaults.server_error, template_name="errors/500.html")
