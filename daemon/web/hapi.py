"""The record over HAPI 3.3, read-only: what Autoplot, hapiclient, PySPEDAS and MATLAB read. Bounded, CSV and JSON.

https://github.com/hapi-server/data-specification. What can be had stands in :mod:`daemon.web.hapi_data`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.record.store import Reader
from daemon.web.hapi_data import Dataset, Parameter, datasets
from daemon.web.hapi_time import hapi_time, record_time
from daemon.web.site import site_of

VERSION = "3.3"
MOST_ROWS = 100_000
"""Rows of one answer: two months of minutes. Who wants more asks in parts."""

OK = {"code": 1200, "message": "OK"}
NO_DATA = {"code": 1201, "message": "OK - no data for the time range"}

STATUS = {
    1400: "Bad request - user input error",
    1401: "Bad request - unknown API parameter name",
    1402: "Bad request - syntax error in start time",
    1403: "Bad request - syntax error in stop time",
    1404: "Bad request - start equal to or after stop",
    1405: "Bad request - start < startDate and/or stop > stopDate",
    1406: "Bad request - unknown dataset id",
    1407: "Bad request - unknown dataset parameter",
    1408: "Bad request - too much time or data requested",
    1409: "Bad request - unsupported output format",
    1410: "Bad request - unsupported include value",
    1411: "Bad request - out-of-order or duplicate parameters",
    1412: "Bad request - unsupported resolve_references value",
    1413: "Bad request - unsupported depth value",
}
OLD_NAMES = {"id": "dataset", "time.min": "start", "time.max": "stop"}
"""HAPI 2's names, which a server of version 3 takes too."""


class Refused(Exception):
    """A request that HAPI has a status for."""

    def __init__(self, code: int, more: str = "") -> None:
        super().__init__(code)
        self.code, self.more = code, more

    def answer(self) -> Response:
        """HAPI's status, with the HTTP status that it asks for."""
        message = STATUS[self.code] + (f": {self.more}" if self.more else "")
        status = 404 if self.code in (1406, 1407) else 400
        return JSONResponse({"HAPI": VERSION, "status": {"code": self.code, "message": message}}, status)


def _answering(
    handler: Callable[[Request, Mapping[str, str]], Response], *known: str
) -> Callable[[Request], Response]:
    """The handler with its parameters read, refusals told in HAPI's way."""

    def answer(request: Request) -> Response:
        try:
            return handler(request, _asked(request, known))
        except Refused as refused:
            return refused.answer()

    return answer


def _asked(request: Request, known: Sequence[str]) -> dict[str, str]:
    asked: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        plain = OLD_NAMES.get(name, name)
        if plain not in known or plain in asked:
            raise Refused(1401, name[:40])
        asked[plain] = value
    # Both are answered alike, for there are no references.
    if asked.get("resolve_references", "true") not in ("true", "false"):
        raise Refused(1412)
    return asked


def _json(**given: Any) -> Response:
    return JSONResponse({"HAPI": VERSION, "status": OK, **given})


def about(request: Request, _: Mapping[str, str]) -> Response:
    """Whose server this is."""
    contact = site_of(request).ports.settings.daemon.user_agent_contact
    return _json(
        id="aurorad",
        title="aurorad: the night watch for the aurora",
        contact=contact or "whoever runs this watch",
        description="What all-sky cameras saw, minute by minute, with the space weather of the time.",
        serverCitation="See CITATION.cff; name version, camera, period and the model's sha256.",
    )


def capabilities(_request: Request, _: Mapping[str, str]) -> Response:
    """The forms this server gives."""
    return _json(outputFormats=["csv", "json"], catalogDepthOptions=["dataset"])


def catalog(request: Request, asked: Mapping[str, str]) -> Response:
    """The data sets."""
    if asked.get("depth", "dataset") != "dataset":
        raise Refused(1413)
    with site_of(request).reader() as reader:
        there = [dataset for dataset in datasets(reader).values() if dataset.span(reader)[0]]
        listed = [{"id": dataset.id, "title": dataset.title} for dataset in there]
    return _json(catalog=listed)


def info(request: Request, asked: Mapping[str, str]) -> Response:
    """A data set's parameters and the time it covers."""
    with site_of(request).reader() as reader:
        dataset, span = _dataset(reader, asked)
        return _json(**_header(dataset, _chosen(dataset, asked), span))


def data(request: Request, asked: Mapping[str, str]) -> Response:
    """The rows of a time, ``stop`` excluded."""
    form, include = asked.get("format", "csv"), asked.get("include")
    with site_of(request).reader() as reader:
        dataset, span = _dataset(reader, asked)
        chosen = _chosen(dataset, asked)
        if form not in ("csv", "json"):
            raise Refused(1409, form[:20])
        if include not in (None, "header"):
            raise Refused(1410, include[:20])
        since, until = _span(asked, span)
        rows = dataset.rows(reader, since, until, MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        raise Refused(1408, f"more than {MOST_ROWS} records; ask for a shorter time")
    values = [[parameter.value(row[parameter.column]) for parameter in chosen] for row in rows]
    status = OK if values else NO_DATA
    header = {"HAPI": VERSION, "status": status, **_header(dataset, chosen, span), "format": form}
    if form == "json":
        return JSONResponse({**header, "data": values})
    return Response(_as_csv(values, header if include else None), media_type="text/csv; charset=utf-8")


def _as_csv(values: Sequence[Sequence[Any]], header: Mapping[str, Any] | None) -> str:
    text = io.StringIO()
    if header is not None:
        text.writelines(
            f"#{line}\n" for line in json.dumps(header, indent=1, ensure_ascii=False).splitlines()
        )
    csv.writer(text, lineterminator="\n").writerows(values)
    return text.getvalue()


def _dataset(reader: Reader, asked: Mapping[str, str]) -> tuple[Dataset, tuple[str, str]]:
    """The data set asked for, and the time it covers."""
    found = datasets(reader).get(asked.get("dataset", ""))
    span = found.span(reader) if found else ("", "")
    if found is None or not span[0]:
        raise Refused(1406, asked.get("dataset", "")[:60])
    return found, span


def _chosen(dataset: Dataset, asked: Mapping[str, str]) -> list[Parameter]:
    """The parameters asked for; the time comes first, asked for or not. Their order is the data set's own."""
    known = {parameter.name: parameter for parameter in dataset.parameters}
    names = list(filter(None, asked.get("parameters", "").split(",")))
    if not names:
        return list(dataset.parameters)
    if unknown := [name for name in names if name not in known]:
        raise Refused(1407, unknown[0][:40])
    if names[0] != dataset.parameters[0].name:
        names.insert(0, dataset.parameters[0].name)
    if names != [name for name in known if name in names]:
        raise Refused(1411)
    return [known[name] for name in names]


def _header(dataset: Dataset, chosen: Sequence[Parameter], span: tuple[str, str]) -> dict[str, Any]:
    return {
        "startDate": span[0],
        "stopDate": span[1],
        "description": dataset.description,
        **({"cadence": dataset.cadence} if dataset.cadence else {}),
        **({"timeStampLocation": dataset.stamp} if dataset.stamp else {}),
        "parameters": [parameter.about() for parameter in chosen],
        **({"x_licence": dataset.licence} if dataset.licence else {}),
        **({"geoLocation": dataset.place} if dataset.place else {}),
    }


def _span(asked: Mapping[str, str], there: tuple[str, str]) -> tuple[str, str]:
    """Start and stop as the record writes them."""
    times = []
    for name, code in (("start", 1402), ("stop", 1403)):
        try:
            times.append(hapi_time(asked[name]))
        except (KeyError, ValueError) as error:
            raise Refused(code, "" if isinstance(error, KeyError) else str(error)) from None
    since, until = map(record_time, times)
    if times[0] >= times[1]:
        raise Refused(1404)
    if until <= there[0] or since >= there[1]:
        raise Refused(1405, f"there is {there[0]} to {there[1]}")
    return since, until


@dataclass(frozen=True)
class _Endpoint:
    name: str
    handler: Callable[[Request, Mapping[str, str]], Response]
    takes: tuple[str, ...] = ()


_ENDPOINTS = (
    _Endpoint("about", about),
    _Endpoint("capabilities", capabilities),
    _Endpoint("catalog", catalog, ("depth", "resolve_references")),
    _Endpoint("info", info, ("dataset", "parameters", "resolve_references")),
    _Endpoint("data", data, ("dataset", "parameters", "start", "stop", "format", "include")),
)


def unknown(_request: Request) -> Response:
    """HAPI asks for its own answer where there is no such endpoint."""
    return Refused(1400, f"the endpoints are {', '.join(it.name for it in _ENDPOINTS)}").answer()


ROUTES = [
    *(Route(f"/hapi/{it.name}", _answering(it.handler, *it.takes)) for it in _ENDPOINTS),
    Route("/hapi/{name}", unknown),
]
