"""`rd3 audit` as it is typed, on real digits: plan, run, run again, read what it wrote, and be refused."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import tyro

from rd3.cli.retyped import retyped
from rd3.cli.verbs import audit as verb
from rd3.scores.attribution import Contribution
from rd3.scores.ladder import Rung
from rd3.study.audit.factors import KEYS
from rd3.study.audit.rectification import Rectification, RectifiedMethod
from rd3.study.audit.result import Audit, CoalitionFacts, FactorFacts, SideFacts


@pytest.fixture(scope="module")
def own_protocol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("own") / "own.yaml"
    file.write_text(
        "id: own\nversion: 1\nbase: rd3\ntitle: own\nsource: tests\nnot_rankable: cut for tests\nfields:\n"
        "  epochs: {value: 1, provenance: inferred}\n  batch_size: {value: 10, provenance: inferred}\n"
    )
    return file


@pytest.fixture
def words(home, own_protocol):
    """`rd3 audit one` from a protocol of one epoch to one of five."""
    return (
        *("audit", "one", home.random, "digits", "--from", own_protocol, "--to", home.protocol),
        *("--seeds", "2", *home.options),
    )


def runs(home) -> int:
    return len(home.entries("run"))


def test_a_plan_says_what_differs_and_trains_nothing(terminal, home, words) -> None:
    before = runs(home)
    said = terminal.done(*words, "--plan")
    assert re.search(r"^8 trainings: \d in the store, \d to do; about .* with 1 worker\(s\)$", said, flags=re.MULTILINE)
    assert re.search(r"epochs +epochs +1 +5", said)
    assert re.search(r"batch size +batch_size +10 +50", said)
    assert "2 factors: all 4 mixtures" in said
    assert runs(home) == before


def test_an_audit_prints_and_writes_what_it_found_and_is_done_once(terminal, home, words, tmp_path) -> None:
    said = terminal.done(*words, "--published", "61.5", "--out", tmp_path / "a")
    done = runs(home)
    found = Audit.model_validate_json((tmp_path / "a" / "audit.json").read_text())
    assert (found.target, found.ipc, found.seeds, found.published) == ("digits", 2, 2, 0.615)
    for contribution in found.contributions:
        assert re.search(
            rf"^{found.names[contribution.factor]} .*{100 * abs(contribution.interval.mean):.1f}", said, re.M
        )
    assert "Published under own: 61.5 %." in " ".join(said.split())
    records = {file.stem for file in (tmp_path / "a" / "records").glob("*.json")}
    assert records == {run for each in found.coalitions for run in each.runs.values()}
    page = (tmp_path / "a" / "audit.html").read_text()
    assert page.rstrip().endswith("</html>")
    assert "rd3 audit one" in page
    again = terminal.done(*words, "--published", "61.5", "--out", tmp_path / "a")
    assert "8 trainings: 8 in the store, 0 to do" in again
    assert runs(home) == done
    assert Audit.model_validate_json((tmp_path / "a" / "audit.json").read_text()) == found


def test_the_command_on_the_page_gives_the_same_audit(terminal, home, words, tmp_path) -> None:
    terminal.done(*words, "--order", "batch", "--out", tmp_path / "a")
    page = (tmp_path / "a" / "audit.html").read_text()
    command = re.search(r"<code>(rd3 audit one .*)</code>", page)
    assert command is not None
    typed = shlex.split(command[1])[1:]
    terminal.done(*typed, "--home", home.path, "--workers", "1", "--out", tmp_path / "b")
    first, second = ((tmp_path / name / "audit.json").read_text() for name in ("a", "b"))
    assert first == second


def test_two_sets_differ_in_their_images_too(terminal, home, own_protocol) -> None:
    said = terminal.done(
        *("audit", "two", home.random, home.sre2l, "digits", "--from", own_protocol, "--to", home.protocol),
        *("--seeds", "2", "--exact-up-to", "1", "--permutations", "2", *home.options),
    )
    assert "estimated from 2 orders that each seed drew for itself" in " ".join(said.split())
    assert re.search(r"^images +random \(\w{6}\) +sre2l\[iterations=10\] \(\w{6}\)$", said, re.M)
    page, data = (Path(line.split(": ", 1)[1]) for line in said.splitlines() if line.startswith(("Page", "Data")))
    assert page.parent == data.parent
    assert page.parent.parent == home.path / "audit"


def test_methods_are_compared_before_and_after(terminal, home, own_protocol, tmp_path) -> None:
    said = terminal.done(
        *("audit", "methods", f"{home.random}={own_protocol}", f"{home.sre2l}={home.protocol}", "--target", "digits"),
        *("--to", home.protocol, "--seeds", "2", *home.options, "--out", tmp_path / "m"),
    )
    found = Rectification.model_validate_json((tmp_path / "m" / "audit.json").read_text())
    assert {method.name: method.protocol for method in found.methods} == {
        "random": "own",
        "sre2l[iterations=10]": "quick",
    }
    gaps = re.search(r"gap, best − worst +(\d+\.\d) +(\d+\.\d)", said)
    assert gaps is not None
    assert gaps.groups() == (f"{100 * found.gap_before:.1f}", f"{100 * found.gap_after:.1f}")
    assert (tmp_path / "m" / "audit.html").is_file()


def test_an_audit_lies_where_a_ranking_does_not_stumble_over_it(terminal, home, words, tmp_path) -> None:
    terminal.done(*words, "--out", tmp_path / "results" / "a")
    terminal.done("evaluate", home.random, "digits", *home.judging)
    said = terminal.done("rank", tmp_path / "results", home.path / "store" / "run")
    assert "audit" not in said


def test_a_ranking_of_mixtures_alone_is_refused_in_one_line(terminal, words, tmp_path) -> None:
    terminal.done(*words, "--out", tmp_path / "a")
    said = terminal("rank", tmp_path / "a").complaint
    assert "records are an audit's mixtures of protocols, which stand in no ranking" in said
    assert "mixture" not in terminal.done("rank", tmp_path / "a", "--sql", "select count(*) as n from runs")


def test_records_are_compared(terminal, words, tmp_path) -> None:
    terminal.done(*words, "--out", tmp_path / "a")
    found = Audit.model_validate_json((tmp_path / "a" / "audit.json").read_text())
    first, second = found.coalitions[0].runs[0], found.coalitions[-1].runs[0]
    place = tmp_path / "a"
    said = terminal.done(
        *("audit", "records", place, place, "--where", "replicate=0", "--first", f"fingerprint={first}"),
        *("--second", f"fingerprint={second[:10]}", "--out", tmp_path / "list.json"),
    )
    assert re.search(r"protocol +protocol +audit v1 .* audit v1", said)
    assert re.search(r"epochs: epochs +1 +5", said)
    listed = json.loads((tmp_path / "list.json").read_text())
    assert (listed["schema_id"], listed["first"], listed["second"]) == ("rd3.audit-records/1", first, second)
    assert {"epochs: epochs", "batch size: batch_size"} <= {change["name"] for change in listed["changes"]}
    file = place / "records" / f"{first}.json"
    assert "They do not differ." in terminal.done("audit", "records", file, file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--published", "0.615"), "published = 0.615: is in percent, for instance 53.9"),
        (("--published", "101"), "published = 101: is in percent"),
        (("--order", "lr"), "unknown factor 'lr'"),
        (("--permutations", "5"), "permutations = 5"),
        (("--epochs-scale", "0"), "epochs scale = 0.0: must be above 0"),
        (("--student", "resnet"), "resnet"),
    ],
)
def test_a_wrong_option_is_one_line_and_nothing_is_done(terminal, home, words, options, message) -> None:
    before = home.snapshot()
    assert message in terminal(*words, *options).complaint
    assert home.snapshot() == before


def test_wrong_words_are_one_line(terminal, home) -> None:
    start = ("audit", "methods", "--target", "digits", *home.options)
    assert "expected SYNTHETIC=PROTOCOL" in terminal(*start, home.random).complaint
    assert "at least 2 methods" in terminal(*start, f"{home.random}=rd3").complaint
    place = home.path / "store" / "run"
    assert "expected KEY=VALUE" in terminal("audit", "records", place, place, "--where", "method").complaint
    assert (
        "unknown protocol 'rd4'"
        in terminal("audit", "one", home.random, "digits", "--from", "rd4", *home.options).complaint
    )
    assert terminal("audit").code == 2


@pytest.mark.parametrize("kind", ["one", "two", "methods", "records"])
def test_every_kind_explains_itself_with_examples_that_it_takes(terminal, kind) -> None:
    outcome = terminal("audit", kind, "--help")
    assert outcome.code == 0
    text = outcome.out.partition("For example:")[2].partition("╭")[0].replace("\\\n", " ")
    shown = [line.strip() for line in text.splitlines() if line.strip().startswith(f"$ rd3 audit {kind}")]
    assert shown, outcome.out
    for line in shown:
        parsed = tyro.cli(verb.Options, args=shlex.split(line)[3:])
        assert type(parsed.what).__name__.lower() == kind


def test_retyping_leaves_out_defaults_and_says_where_nothing() -> None:
    line = "one a/ mnist5k --from own.yaml --seeds 3 --order labels epochs --epochs-scale 0.5 --home h --plan"
    what = tyro.cli(verb.Options, args=shlex.split(line)).what
    said = retyped("audit", ["one", "a", "mnist5k"], what)
    assert said == "rd3 audit one a mnist5k --seeds 3 --epochs-scale 0.5 --from own.yaml --order labels epochs"
    again = tyro.cli(verb.Options, args=shlex.split(said)[2:]).what
    assert retyped("audit", ["one", "a", "mnist5k"], again) == said


DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "audit.md").read_text()


def test_the_commands_of_the_document_are_taken() -> None:
    lines = re.findall(r"^    rd3 audit (.+)$", DOCUMENT.replace("\\\n", " "), flags=re.MULTILINE)
    assert len(lines) >= 7
    for line in lines:
        assert isinstance(tyro.cli(verb.Options, args=shlex.split(line, comments=True)), verb.Options)


def test_the_document_names_every_key_of_the_files_and_every_factor() -> None:
    named = set(re.findall(r"`([\w+.-]+)`", DOCUMENT.partition("## Files")[2]))
    for model in (Audit, Rectification, RectifiedMethod, SideFacts, FactorFacts, Rung, Contribution, CoalitionFacts):
        assert set(model.model_fields) - {"factor", "interval"} <= named, model
    factors = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT.partition("## Runs")[0], flags=re.MULTILINE))
    assert factors == set(KEYS)
