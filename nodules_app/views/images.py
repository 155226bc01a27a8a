"""What the viewer fetches: slices, maps, outlines, and how far they are. The page that shows them records the look."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nodules_app.charts import pairs, viewing
from nodules_app.exchange import slabs
from nodules_app.services import access
from nodules_app.services import outlines as drawn
from nodules_app.services import viewing as services

KEPT_FOR_EVER = "private, max-age=31536000, immutable"  # the address names the content
ASKED_EVERY_TIME = "private, no-cache"  # kept, but asked for by its tag


@require_safe
def slab(request: HttpRequest, code: UUID, digest: str, first: int, count: int) -> HttpResponse:
    """Give ``count`` slices from ``first`` (0 is the first of the array): byte planes, compressed, lossless."""
    scan = access.scan_for(access.Act.SEE, code, by=request.user)
    if digest != viewing.digest(scan.series) or not 1 <= count <= slabs.MOST_SLICES:
        raise Http404("no such slices")
    coding = slabs.coding_for(request.headers.get("Accept-Encoding", ""))
    tag = f'"{digest}-{first}-{count}-{coding}"'
    if request.headers.get("If-None-Match") == tag:
        return _tagged(HttpResponse(status=304), tag, KEPT_FOR_EVER)
    volume = pairs.kept_volume(scan.series.code)
    if volume is None or first + count > volume.shape_zyx[0]:
        raise Http404("these slices are not kept")
    return _compressed(slabs.planes(volume.array_hu[first : first + count]), coding, tag, KEPT_FOR_EVER)


@require_safe
def displacements(request: HttpRequest, code: UUID) -> HttpResponse:
    """Give the map between the scans of a comparison as a grid."""
    comparison = access.comparison_for(access.Act.SEE, code, by=request.user)
    grid = services.kept_grid(comparison)
    if grid is None:
        raise Http404("the map is not kept")
    coding = slabs.coding_for(request.headers.get("Accept-Encoding", ""))
    tag = f'"{slabs.digest_of_bytes(grid)}-{coding}"'
    if request.headers.get("If-None-Match") == tag:
        return _tagged(HttpResponse(status=304), tag, ASKED_EVERY_TIME)
    return _compressed(grid, coding, tag, ASKED_EVERY_TIME)


@never_cache
@require_safe
def outlines(request: HttpRequest, code: UUID) -> HttpResponse:
    """Give the borders of the nodules on a scan, slice by slice."""
    scan = access.scan_for(access.Act.SEE, code, by=request.user)
    return JsonResponse({"outlines": viewing.outline_facts(drawn.outlines_of(scan))})


@never_cache
@require_safe
def state(request: HttpRequest, code: UUID) -> HttpResponse:
    """Say how far the slices of a scan are; with them comes where they lie."""
    scan = access.scan_for(access.Act.SEE, code, by=request.user)
    told = viewing.state_facts(services.readiness_of_scan(scan))
    return JsonResponse(told | {"scan": viewing.scan_facts(scan, "")})


@never_cache
@require_safe
def map_state(request: HttpRequest, code: UUID) -> HttpResponse:
    """Say how far the map of a comparison is."""
    comparison = access.comparison_for(access.Act.SEE, code, by=request.user)
    return JsonResponse(viewing.state_facts(services.readiness_of_map(comparison)))


def _compressed(raw: bytes, coding: slabs.Coding, tag: str, keep: str) -> HttpResponse:
    body = slabs.compressed(raw, coding)
    answer = HttpResponse(body, content_type="application/octet-stream", headers={"Content-Encoding": coding.value})
    return _tagged(answer, tag, keep)


def _tagged(answer: HttpResponse, tag: str, keep: str) -> HttpResponse:
    answer["ETag"], answer["Cache-Control"] = tag, keep
    patch_vary_headers(answer, ["Accept-Encoding"])
    return answer
