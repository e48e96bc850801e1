"""What is wrong with a configuration, in words of ours: the key, what it must be, and why.

A fault is a key's path and a sentence. Pydantic finds most of them; none of its words reach a person,
and no value does, for a value may be a secret.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

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
    if kind == "value_error" and cause is not None:
        return f"`{key}` {cause}"
    return f"`{key}` must be {expected(field) if field is not None else 'a table'}"


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


def expected(field: FieldInfo) -> str:
    """What a key's value must be, with the reason where there is one: ``a number from 0.1 to 600 (…)``."""
    extra = field.json_schema_extra
    why = extra.get("why") if isinstance(extra, dict) else None
    if get_origin(field.annotation) is tuple and field.description:
        why = field.description.rstrip(".")
    return _kind_of(field.annotation, field.metadata, field.default) + (f" ({why})" if why else "")


def _kind_of(annotation: Any, metadata: Sequence[Any], default: Any) -> str:
    plain = _without_none(annotation)
    if get_origin(plain) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(plain))
    if get_origin(plain) is tuple:
        return _list_of(get_args(plain)[0], default)
    if plain in (int, float):
        return ("a whole number" if plain is int else "a number") + _range(metadata)
    longest = next((m.max_length for m in metadata if isinstance(m, MaxLen)), None)
    bound = f" of at most {longest} characters" if longest else ""
    names = {bool: "true or false", str: f"text in quotes{bound}", FilePath: "a path in quotes"}
    return names.get(plain, "a table" + (" or false" if _may_be_false(annotation) else ""))


def _may_be_false(annotation: Any) -> bool:
    return any(False in get_args(member) for member in get_args(annotation) if get_origin(member) is Literal)


def _without_none(annotation: Any) -> Any:
    """``X | None`` and ``Annotated[X, …]`` → ``X``."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(member for member in get_args(annotation) if member is not type(None))
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _list_of(member: Any, default: Any) -> str:
    if next(_tables_in(member), None):
        return "an array of tables, its name in double brackets"
    example = ", ".join(f'"{value}"' if isinstance(value, str) else f"{value}" for value in default or ())
    return f"a list in brackets, such as [{example}]" if example else "a list of texts in brackets"


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
