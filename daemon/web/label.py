"""The labelling page. What it asks and answers goes through /api/queue and :mod:`daemon.web.actions`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from daemon.record import label_files
from daemon.web import params
from daemon.web.site import site_of
from daemon.web.tongues import N_, _

QUEUES = (
    ("uncertainty", N_("unsure")),
    ("disagreement", N_("in disagreement")),
    ("night", N_("in order of time")),
    ("random", N_("at random")),
)


def label(request: Request) -> Response:
    """One frame, one question, one key an answer."""
    site = site_of(request)
    asked = params.read(request, (params.QUEUE, params.NIGHT), forgiving=True)
    with site.reader() as reader:
        context = {
            "camera": site.view(request, reader),
            "queues": [(name, _(text)) for name, text in QUEUES],
            "queue": asked.get("queue", "uncertainty"),
            "night": asked.get("night"),
            "parquet": label_files.has_parquet(),
            "label_count": reader.counts()["labels"],
        }
        return site.page(request, reader, "label.html", context, here="/label")
