"""Bring the page's catalogues up to date: ``make languages``. Needs babel, which the daemon does without.

Sentences are gathered from daemon/web (Python and templates) and the modules that share theirs with alerts;
``daemon/web/languages/<code>.po`` gets those it
lacks, to be translated by hand, sets aside those that are gone (``#~``), and is compiled to ``<code>.mo``.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

WEB = Path(__file__).parents[1] / "daemon" / "web"
FOLDER = WEB / "languages"
SHARED = [WEB.parent / "sighting.py", WEB.parent / "spaceweather" / "outlook.py"]
"""Modules below the page that are handed its ``_``."""
LANGUAGES = {"de": "German", "nb": "Norwegian", "fr": "French", "ko": "Korean", "ja": "Japanese"}
SINCE = datetime(2026, 11, 26, tzinfo=UTC)
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]


def sentences() -> Catalog:
    """All that the page says, in order of the files, without translations."""
    found = Catalog(project="aurorad", charset="utf-8")
    for _file, _line, message, _comments, _context in extract_from_dir(WEB, METHODS, keywords=KEYWORDS):
        found.add(message)
    for path in SHARED:
        for _line, message, _comments, _context in extract_from_file("python", path, keywords=KEYWORDS):
            found.add(message)
    return found


def catalogue(path: Path) -> Catalog:
    """A language's translations as they are in its file."""
    with path.open("rb") as opened:
        return read_po(opened, locale=path.stem)


def empty(language: str) -> Catalog:
    """A language's file without sentences; its header does not change from day to day."""
    return Catalog(
        locale=language,
        project="aurorad",
        version="1",
        header_comment=f"# aurorad's page in {LANGUAGES[language]}; see deploy/languages.py.",
        msgid_bugs_address="see CONTRIBUTING.md",
        last_translator="aurorad",
        language_team=LANGUAGES[language],
        creation_date=SINCE,
        revision_date=SINCE,
        charset="utf-8",
        fuzzy=False,
    )


def updated(path: Path, wanted: Catalog) -> Catalog:
    """A language's translations of all that is said now; what is new has none."""
    old = catalogue(path) if path.is_file() else empty(path.stem)
    new = empty(path.stem)
    for message in wanted:
        if message.id:
            kept = old.get(message.id) or old.obsolete.get(_key(message.id))
            new.add(message.id, kept.string if kept else "")
    known = {**{_key(message.id): message for message in old if message.id}, **old.obsolete}
    new.obsolete.update({key: message for key, message in known.items() if new.get(message.id) is None})
    return new


def _key(message_id: str | tuple[str, ...]) -> str:
    """What babel files a message under: its singular."""
    return message_id if isinstance(message_id, str) else message_id[0]


def compiled(translations: Catalog) -> bytes:
    """The bytes of a ``.mo`` file."""
    out = io.BytesIO()
    write_mo(out, translations)
    return out.getvalue()


def main() -> None:
    """Update and compile each."""
    wanted = sentences()
    for language in LANGUAGES:
        path = FOLDER / f"{language}.po"
        new = updated(path, wanted)
        out = io.BytesIO()
        write_po(out, new, width=110, no_location=True, omit_header=False)
        path.write_bytes(out.getvalue())
        path.with_suffix(".mo").write_bytes(compiled(new))
        missing = sum(not message.string or not all(message.string) for message in new if message.id)
        print(f"{language}: {len(new)} sentences, {missing} to be translated")


if __name__ == "__main__":
    main()
