"""The page's six languages: complete, with the same placeholders, compiled, chosen by the reader."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from daemon.web import phrases, script_words, tongues
from daemon.web.tongues import LANGUAGES, preferred, speaking
from tests import web_night
from tests.web_night import House

mofile = pytest.importorskip(
    "babel.messages.mofile", reason="needs babel: pip install -c requirements.lock -e .[dev]"
)
sys.path.insert(0, str(Path(__file__).parents[3] / "deploy"))
import languages  # noqa: E402

TRANSLATED = [code for code in LANGUAGES if code != "en"]
_PLACE = re.compile(r"%\(\w+\)[0-9.]*[a-z]|%%|\{\w+\}")


def texts(ids: str | tuple[str, ...], strings: str | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(English, translation) of a message, each plural form with the English plural."""
    if isinstance(ids, str):
        yield ids, str(strings)
        return
    forms = strings if isinstance(strings, tuple) else (strings,)
    for number, form in enumerate(forms):
        yield ids[min(number, 1)] if len(forms) > 1 else ids[1], form


@pytest.fixture(scope="module")
def sentences() -> set[object]:
    """All that the code says."""
    return {message.id for message in languages.sentences() if message.id}


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_catalogue_is_complete(code: str, sentences: set[object]) -> None:
    """Every sentence of the code has a translation, and none is left from before: `make languages` finds them."""
    kept = languages.catalogue(languages.FOLDER / f"{code}.po")
    translated = {m.id for m in kept if m.id and all(s for _e, s in texts(m.id, m.string)) and not m.fuzzy}
    assert translated == sentences


@pytest.mark.parametrize("code", TRANSLATED)
def test_placeholders_agree(code: str) -> None:
    """What is filled in stands in the translation too, each as often; a singular may write its number out."""
    for message in languages.catalogue(languages.FOLDER / f"{code}.po"):
        for number, (english, translated) in enumerate(texts(message.id, message.string)):
            wanted, found = Counter(_PLACE.findall(english)), Counter(_PLACE.findall(translated))
            if isinstance(message.id, tuple) and number == 0:
                wanted.pop("%(n)d", None), found.pop("%(n)d", None)
            assert found == wanted, (english, translated)


@pytest.mark.parametrize("code", TRANSLATED)
def test_none_is_never_counted_as_one(code: str) -> None:
    """Where a language uses its singular for none too, as French does, that singular may not write its number out."""
    with speaking(code):
        for message in languages.catalogue(languages.FOLDER / f"{code}.po"):
            if isinstance(message.id, tuple):
                assert "0" in tongues.ngettext(message.id[0], message.id[1], 0), message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_compiled_catalogue_is_of_the_same_sentences(code: str) -> None:
    """What the daemon reads is what translators edit."""
    path = languages.FOLDER / f"{code}.po"
    with path.with_suffix(".mo").open("rb") as opened:
        read = mofile.read_mo(opened)
    kept = {message.id: message.string for message in languages.catalogue(path) if message.id}
    assert {_hashable(m.id): _hashable(m.string) for m in read if m.id} == kept


def _hashable(text: str | list[str] | tuple[str, ...]) -> str | tuple[str, ...]:
    """babel reads plural forms as lists from one kind of file and as tuples from the other."""
    return text if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize(
    ("header", "code"),
    [("", "en"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("xx, nn;q=0.5, fr;q=0.4", "nb"), ("no", "nb"),
     ("en;q=0.2, ja;q=0.7", "ja"), ("ko-KR", "ko"), ("fr;q=0", "en"), ("fr;q=many", "en"), ("*", "en")],
)  # fmt: skip
def test_the_browsers_wish_is_heeded(header: str, code: str) -> None:
    """The first of its languages that we have, by weight; Norwegian under all its names."""
    assert preferred(header) == code


def test_a_language_holds_for_its_request_alone() -> None:
    """Set and set back; an unknown one is English."""
    with speaking("de"):
        assert tongues._("north") == "Norden"
        with speaking("xx"):
            assert tongues._("north") == "north"
    assert tongues._("north") == "north"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The made-up night, aurora overhead."""
    with web_night.house(tmp_path_factory.mktemp("languages"), minutes=300) as house:
        yield house


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_page_speaks_the_readers_language(night: House, code: str) -> None:
    """All pages and the moving parts answer in it, and name it."""
    with httpx.Client(base_url=night.url, cookies={"aurorad_language": code}) as page:
        for path in ("/", "/live", "/night/2024-02-10", "/season", "/events", "/label", "/sign-in"):
            reply = page.get(path)
            assert reply.status_code == 200, path
            if path != "/live":
                assert f'<html lang="{code}"' in reply.text
        with speaking(code):
            word = tongues._("Go now")
        assert f"<h1>{word}</h1>" in page.get("/").text
        assert page.get("/api/events").json()["events"][0]["camera"] == "yellowknife"


def test_times_are_the_cameras_or_the_readers(night: House) -> None:
    """The camera's zone unless the reader chose their own; the night keeps its name and its address."""
    with httpx.Client(base_url=night.url) as page:
        assert "22:10:00 MST" in page.get("/night/2024-02-10?at=2024-02-10T05:10:00Z").text
        page.cookies.set("aurorad_zone", "Asia%2FTokyo")
        html = page.get("/night/2024-02-10?at=2024-02-10T05:10:00Z").text
        assert "14:10:00 JST" in html
        assert "Night of 9–10 February 2024" in html
        assert page.get("/night").headers["location"].startswith("/night/2024-02-10")
        assert page.get("/api/cameras").json()["cameras"][0]["timezone"] == "America/Yellowknife"
        page.cookies.set("aurorad_zone", "Nowhere/At_all")
        assert "22:10:00 MST" in page.get("/night/2024-02-10?at=2024-02-10T05:10:00Z").text


def test_german_days_are_declined_where_they_stand() -> None:
    """A number of days stands after "in" and "vor" alone, which ask for the dative: in 72 Tagen, vor 3 Tagen."""
    with speaking("de"):
        words = script_words.words()
        assert words["in"].format(time=words["days"].format(n=72)) == "in 72 Tagen"
        assert words["ago"].format(time=words["days"].format(n=3)) == "vor 3 Tagen"
        assert tongues._("%(time)s ago", time=phrases.lasting(3 * 86400)) == "vor 3 Tagen"
