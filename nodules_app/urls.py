"""Every address of the product."""

from __future__ import annotations

from functools import partial

from django.urls import path
from django.views import defaults

from nodules_app.views import (
    assessments,
    endings,
    follow_ups,
    health,
    imports,
    nodules,
    patients,
    points,
    preferences,
    resources,
    safety_net,
    scans,
    scheduling,
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
    path("follow-ups/<uuid:code>/", follow_ups.show, name="follow-up"),
    path("follow-ups/<uuid:code>/do/<slug:name>", follow_ups.act, name="follow-up-act"),
    path("patients/<uuid:code>/discharge", endings.end, {"how": "discharge"}, name="discharge"),
    path("patients/<uuid:code>/decline", endings.end, {"how": "decline"}, name="decline"),
    path("patients/<uuid:code>/withdraw", endings.end, {"how": "withdraw"}, name="withdraw"),
    path("patients/<uuid:code>/death", endings.end, {"how": "death"}, name="death"),
    path("patients/<uuid:code>/transfer", endings.end, {"how": "transfer"}, name="transfer"),
    path("patients/<uuid:code>/follow-again", endings.end, {"how": "again"}, name="follow-again"),
    path("transfers/<uuid:code>/acknowledge", endings.acknowledge, name="acknowledge-transfer"),
    path("transfers/<uuid:code>/take-back", endings.take_back, name="take-back-transfer"),
    path("safety-net", safety_net.show, name="safety-net"),
    path("safety-net/prove", safety_net.prove, name="prove"),
    path("follow-ups/<uuid:code>/book", scheduling.book, name="book"),
    path("appointments/<uuid:code>/give-back", scheduling.give_back, name="give-back"),
    path("schedule", scheduling.week, name="schedule"),
    path("schedule/set-up", resources.show, name="schedule-setup"),
    path("clinics/<uuid:code>/resources", resources.add, name="add-resource"),
    path("clinics/<uuid:code>/calendar-feeds", resources.make_feed, name="make-feed"),
    path("resources/<uuid:code>/hours", resources.open_hours, name="open-hours"),
    path("resources/<uuid:code>/hours/<int:hours>/remove", resources.close_hours, name="close-hours"),
    path("resources/<uuid:code>/unavailable", resources.set_unavailable, name="set-unavailable"),
    path("resources/<uuid:code>/retire", resources.retire, name="retire-resource"),
    path("calendar-feeds/<uuid:code>/revoke", resources.revoke_feed, name="revoke-feed"),
    path("calendar/<str:token>.ics", scheduling.feed, name="calendar-feed"),
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
