"""What is wrong with a configuration, in words of ours: the key, what it must be, and why.

A fault is a key's path and a sentence. Pydantic finds most of them; none of its words reach a person,
and no value does, for a value may be a secret.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

M = TypeVar("M", bound=BaseModel)
Where = tuple[str | int, ...]
"""A key's path: names of tables and keys, and the number (from 0) of a table in an array of tables."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where, and what to do about it."""

    where: Where
    message: str


class Inconsistent(ValueError):
    """Raised by a table's own checks: faults with paths below that table."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


def validated(table: type[M], keys: Mapping[str, Any]) -> M:
    """The table that these keys make. Raises Inconsistent with every fault."""
    try:
        return table.model_validate(dict(keys))
    except ValidationError as error:
        raise Inconsistent(*faults_of(error, table)) from error


def faults_of(error: ValidationError, root: type[BaseModel]) -> list[Fault]:
    """Every fault that pydantic found in the tables of ``root``, in our words."""
    found: dict[Where, list[Fault]] = {}
    vague: set[Where] = set()
    for one in error.errors(include_input=False, include_url=False):
        where, table, field = _walk(root, one["loc"])
        where = where or one["loc"][-1:]  # a key that looks like one of pydantic's own words in brackets
        if one["type"] in _VAGUE:
            vague.add(where)
        cause = one.get("ctx", {}).get("error")
        if isinstance(cause, Inconsistent):
            found.setdefault(where, []).extend(Fault(where + f.where, f.message) for f in cause.faults)
        elif where not in found:  # each member of a union complains by itself; the first says it all
            found[where] = [Fault(where, _sentence(one["type"], where, table, field, cause))]
    return [
        fault
        for where, faults in found.items()
        if not (where in vague and any(w[: len(where)] == where != w for w in found))
        for fault in faults
    ]


_VAGUE = frozenset({"too_short", "literal_error", "model_type"})
"""What pydantic also says of a table or a list where something in it is wrong."""


def _sentence(kind: str, where: Where, table: type[BaseModel], field: FieldInfo | None, cause: object) -> str:
    key = dotted(where)
    if kind == "extra_forbidden":
        return f"unknown key `{key}`; {_did_you_mean(str(where[-1]), table)}"
    if kind == "missing" and field is not None and isinstance(where[-1], str):
        return f"`{key}` is missing: {field.description}"
    if field is None:
        return f"`{key}` must be a table"
    inner = get_args(_without_none(field.annotation))
    is_list = get_origin(_without_none(field.annotation)) is tuple
    if is_list and Ellipsis in inner:
        if kind == "too_long" or (kind == "too_short" and next(_tables_in(inner[0]), None) is None):
            return f"`{key}` must have {_length(field)}"
        if isinstance(where[-1], int) and next(_tables_in(inner[0]), None) is None:
            what = cause if kind == "value_error" else f"must be {_kind_of(inner[0], *_metadata(inner[0]))}"
            return f"entry {where[-1] + 1} of `{key}` {what}"
    elif kind == "value_error" and cause is not None and not is_list:
        return f"`{key}` {cause}"
    return f"`{key}` must be {expected(field, kind)}"


def _did_you_mean(name: str, table: type[BaseModel]) -> str:
    near = difflib.get_close_matches(name, table.model_fields, n=1)
    return f"did you mean `{near[0]}`?" if near else "deploy/aurorad.toml lists the keys"


def dotted(where: Where) -> str:
    """``camera.source.url``: the path without the numbers of tables, which the line in the file gives."""
    return ".".join(str(part) for part in where if isinstance(part, str))[:200]


def _walk(root: type[BaseModel], loc: Sequence[Any]) -> tuple[Where, type[BaseModel], FieldInfo | None]:
    """Pydantic's place of an error → the path in the file, the table it is in, and the key's field.

    The names that pydantic gives to the members of a union are no part of the path.
    """
    where: list[str | int] = []
    table, field = root, None
    for part in loc:
        inner = next(_tables_in(field.annotation), None) if field is not None else root
        if isinstance(part, int):
            where.append(part)
        elif inner is None or part == inner.__name__ or "[" in str(part):
            continue
        else:
            where.append(str(part))
            table, field = inner, inner.model_fields.get(str(part))
            if field is None:
                break
    return tuple(where), table, field


def _tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _tables_in(argument)


_TOO_HIGH, _TOO_LOW = (
    ("less_than", "less_than_equal", "finite_number"),
    ("greater_than", "greater_than_equal"),
)


def expected(field: FieldInfo, kind: str = "") -> str:
    """What a key's value must be: ``a number from 0.1 to 600 (…)``, with the reason of the bound that was broken.

    ``kind`` is pydantic's word for what is wrong with the value.
    """
    extra = field.json_schema_extra
    reason = "why" if kind in _TOO_HIGH else "why_least" if kind in _TOO_LOW else ""
    why = extra.get(reason) if isinstance(extra, dict) else None
    if get_origin(_without_none(field.annotation)) is tuple and field.description:
        why = field.description.rstrip(".")
    return _kind_of(field.annotation, field.metadata, field.default) + (f" ({why})" if why else "")


def _kind_of(annotation: Any, metadata: Sequence[Any], default: Any) -> str:
    plain = _without_none(annotation)
    if choices := _choices(annotation):
        return "one of " + ", ".join(f"`{value}`" for value in choices)
    if get_origin(plain) is tuple:
        return _list_of(get_args(plain), default)
    if plain in (int, float):
        return ("a whole number" if plain is int else "a number") + _range(metadata)
    longest = next((m.max_length for m in metadata if isinstance(m, MaxLen)), None)
    bound = f" of at most {longest} characters" if longest else ""
    names = {bool: "true or false", str: f"text in quotes{bound}", FilePath: "a path in quotes"}
    return names.get(plain, "a table" + (" or false" if _may_be_false(annotation) else ""))


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The words of a Literal, or of several of them in a union; empty where something else may stand too."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) not in (Union, types.UnionType):
        return ()
    words = [_choices(member) for member in members]
    return tuple(word for some in words for word in some) if all(words) else ()


def _metadata(annotation: Any) -> tuple[list[Any], None]:
    """The bounds of a list's entry, as a field's own metadata and default are."""
    bounds = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return [one for bound in bounds for one in getattr(bound, "metadata", [bound])], None


def _may_be_false(annotation: Any) -> bool:
    return any(False in get_args(member) for member in get_args(annotation) if get_origin(member) is Literal)


def _without_none(annotation: Any) -> Any:
    """``X | None`` and ``Annotated[X, …]`` → ``X``."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(member for member in get_args(annotation) if member is not type(None))
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _list_of(members: Sequence[Any], default: Any) -> str:
    if next(_tables_in(members[0]), None):
        return "an array of tables, its name in double brackets"
    example = ", ".join(f'"{value}"' if isinstance(value, str) else f"{value}" for value in default or ())
    such = f", such as [{example}]" if example else ""
    if Ellipsis not in members:
        return f"a list of {len(members)} values in brackets{such}"
    return f"a list in brackets{such}" if such else "a list of texts in brackets"


def _length(field: FieldInfo) -> str:
    """``at most 6 entries``, ``from 1 to 20 tables``."""
    least = max((m.min_length for m in field.metadata if isinstance(m, MinLen)), default=0)
    most = next((m.max_length for m in field.metadata if isinstance(m, MaxLen)), None)
    what = "tables" if next(_tables_in(field.annotation), None) else "entries"
    return f"from {least} to {most} {what}" if least else f"at most {most} {what}"


def _range(metadata: Sequence[Any]) -> str:
    """`` from 1 to 64``, `` above 0 and below 1``; empty where there is no bound."""
    found: dict[type, float] = {}
    for bound in metadata:
        for kind, name in ((Ge, "ge"), (Gt, "gt"), (Le, "le"), (Lt, "lt")):
            if isinstance(bound, kind):
                found[kind] = float(getattr(bound, name))
    if Ge in found and Le in found:
        return f" from {_plain(found[Ge])} to {_plain(found[Le])}"
    words = ((Gt, "above"), (Ge, "at least"), (Lt, "below"), (Le, "at most"))
    return "".join(
        f" and {word} {_plain(found[kind])}" for kind, word in words if kind in found
    ).removeprefix(" and")


def _plain(value: float) -> str:
    """A number as a person would write it: no exponent, no needless point."""
    return f"{value:.10f}".rstrip("0").rstrip(".")
