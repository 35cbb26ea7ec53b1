"""Study files, protocol files, records and study folders that are wrong: one line that names the file and the key."""

from __future__ import annotations

import json
import shutil

import pytest

PROTOCOL = "id: mine\nversion: 1\nbase: rd3\ntitle: mine\nsource: tests\n"
FIELDS = {
    "epochz: {value: 5, provenance: inferred}": "unknown field 'epochz'; did you mean 'epochs'?",
    "epochs: {value: -5, provenance: inferred}": "epochs = -5: Input should be greater than 0",
    "epochs: {value: five, provenance: inferred}": "epochs = 'five': Input should be a valid integer",
    "epochs: {cases: [{value: 5, when: {ipc_max: 1}}, {value: 0}], provenance: inferred}": "epochs = 0: ",
    "epochs: {cases: [], provenance: inferred}": "fields.epochs.cases = []: ",
    "epochs: 5": "fields.epochs = 5: Input should be a valid dictionary",
    "epochs: {value: 5}": "key 'fields.epochs.provenance' is missing",
    "epochs: {value: 5, provenance: guessed}": "fields.epochs.provenance = 'guessed': Input should be 'stated'",
    "lr: {value: .nan, provenance: inferred}": "lr = nan: Input should be a finite number",
    "betas: {value: [0.9], provenance: inferred}": "key 'betas.1' is missing",
    "loss: {value: kll, provenance: inferred}": "loss = 'kll': Input should be 'ce'",
    "schedule: {value: cosin, provenance: inferred}": "schedule.kind = 'cosin': Input should be 'constant'",
    "augment: {value: 3, provenance: inferred}": "augment = 3: ",
    "augment: {value: [{kind: flp}], provenance: inferred}": "unknown augmentation 'flp'; did you mean 'flip'?",
    "augment: {value: [{kind: flip, p: 7}], provenance: inferred}": "p = 7: Input should be less than or equal to 1",
    "mix: {value: {kind: cutmx}, provenance: inferred}": "unknown mix 'cutmx'; did you mean 'cutmix'?",
    "zeta: {cases: [{value: 2, when: {targt: [a]}}], provenance: inferred}": "fields.zeta.cases.0.when.targt",
}
HEADS = {
    "fields: 3": "fields = 3: Input should be a valid dictionary",
    "feelds: {}": "unknown key 'feelds'; did you mean 'fields'?",
    "version: 0": "version = 0: Input should be greater than 0",
    "id: A Name": "id = 'A Name': ",
    "base: rd4": "unknown protocol 'rd4'; did you mean 'rd3'?",
    "base: mine.yaml": "its base leads back to itself",
    "counterparts: {hard: rd3-hrad}": "unknown protocol 'rd3-hrad'; did you mean 'rd3-hard'?",
    "purpose: rank": "purpose = 'rank': Input should be 'ranking' or 'reference'",
}
NOT_A_MAPPING = {
    "": "expected 'key: value' pairs, got NoneType",
    "[1, 2]": "expected 'key: value' pairs, got list",
    "a: [": "not YAML: ",
    "a: !!python/object/apply:os.mkdir [ran]": "not YAML: could not determine a constructor",
}


@pytest.fixture
def refused(terminal, home, tmp_path):
    """What `rd3 evaluate` and `rd3 validate` say of a protocol file; both refuse it, and nothing is done."""

    def refused(text: str | bytes) -> list[str]:
        file = tmp_path / "mine.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        before = home.snapshot()
        outcomes = [
            terminal("evaluate", home.sre2l, "digits", "--protocol", "mine.yaml", *home.options),
            terminal("validate", "mine.yaml"),
        ]
        assert home.snapshot() == before
        return [outcome.complaint for outcome in outcomes]

    return refused


@pytest.mark.parametrize("field", FIELDS)
def test_a_protocol_with_a_bad_field(field, refused) -> None:
    for said in refused(f"{PROTOCOL}fields:\n  {field}\n"):
        assert said.startswith("mine.yaml: ")
        assert FIELDS[field] in said


@pytest.mark.parametrize("line", HEADS)
def test_a_protocol_with_a_bad_head(line, refused) -> None:
    key = line.split(":")[0]
    kept = [head for head in PROTOCOL.splitlines() if not head.startswith(f"{key}:")]
    for said in refused("\n".join([*kept, line])):
        assert HEADS[line] in said


@pytest.mark.parametrize("text", NOT_A_MAPPING)
def test_a_protocol_that_is_no_mapping(text, refused, tmp_path) -> None:
    for said in refused(text):
        assert said.startswith(f"mine.yaml: {NOT_A_MAPPING[text]}")
    assert not (tmp_path / "ran").exists()


def test_a_protocol_that_is_no_text(refused) -> None:
    assert set(refused(b"\xff\xfe\x00id")) == {"mine.yaml: not a text file (UTF-8)"}


@pytest.mark.parametrize(("labels", "loss"), [("hard", "kl"), ("hard", "mse-gt"), ("online", "ce")])
def test_labels_that_the_loss_would_not_use(labels, loss, terminal, home, tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text(
        f"{PROTOCOL}fields:\n  labels: {{value: {labels}, provenance: inferred}}\n"
        f"  loss: {{value: {loss}, provenance: inferred}}\n"
    )
    said = terminal("evaluate", home.sre2l, "digits", "--protocol", "mine.yaml", *home.options).complaint
    assert f"labels = {labels} do not go with loss = {loss}" in said


STUDY = {
    "name": "tiny",
    "targets": ["digits"],
    "teacher": {"model": "convnet1-bn-w8", "epochs": 2},
    "methods": ["random"],
    "ipc": [2],
    "protocols": ["rd3-hard"],
    "students": ["convnet1-bn-w8"],
    "seeds": 2,
}
CHANGES = [
    ({"seedz": 3}, "unknown key 'seedz'; did you mean 'seeds'?"),
    ({"seeds": 0}, "seeds = 0: Input should be greater than 0"),
    ({"ipc": []}, "ipc = []: "),
    ({"ipc": [0]}, "ipc = [0]: IPC is at least 1"),
    ({"ipc": [500]}, "ipc = 500: class '8' has only 139 training images"),
    ({"name": "../up"}, "name = '../up': "),
    ({"targets": "digits"}, "targets = 'digits': expected a list"),
    ({"targets": None}, "targets = None: expected a list"),
    ({"methods": "random"}, "methods = 'random': expected a list"),
    ({"methods": None}, "methods = None: expected a list"),
    ({"methods": [{"settings": {}}]}, "key 'methods.0.name' is missing"),
    ({"teacher": {"model": "lenet", "epochs": 0}}, "teacher.epochs = 0: Input should be greater than 0"),
    ({"teacher": {"model": "lenet", "recip": 0}}, "unknown key 'teacher.recip'"),
    ({"protocols": ["none.yaml"]}, "none.yaml: there is no such protocol file"),
    ({"students": ["convnet5-bn"]}, "model 'convnet5-bn' needs images of at least 32 px, got 8 px"),
]


@pytest.mark.parametrize(("changes", "complaint"), CHANGES, ids=[str(changes) for changes, _ in CHANGES])
def test_a_study_with_a_bad_key_or_value(changes, complaint, terminal, tmp_path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(STUDY | changes))  # JSON is YAML
    for words in (("study", "run", file, "--home", tmp_path / "home"), ("validate", file)):
        assert complaint in terminal(*words).complaint
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("text", NOT_A_MAPPING)
def test_a_study_that_is_no_mapping(text, terminal, tmp_path) -> None:
    (tmp_path / "tiny.yaml").write_text(text)
    assert NOT_A_MAPPING[text] in terminal("study", "run", "tiny.yaml").complaint


@pytest.mark.parametrize("words", [("study", "run", "none.yaml"), ("validate", "none.yaml"), ("rank", "none.json")])
def test_a_file_that_is_not_there(words, terminal) -> None:
    said = terminal(*words).complaint
    assert said.startswith(f"{words[-1]}: there is no such ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, terminal, home):
    """The folder of a small study."""
    place = tmp_path_factory.mktemp("study")
    study = STUDY | {"protocols": [str(home.protocol.with_name("quick-hard.yaml"))], "whole": "none"}
    (place / "tiny.yaml").write_text(json.dumps(study))
    terminal.done("study", "run", place / "tiny.yaml", "--home", home.path, "--workers", 1, "--out", place / "tiny")
    return place / "tiny"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": "rd3.ranking/1", "rows": 3}'])
def test_a_ranking_that_is_none(text, folder, terminal, tmp_path) -> None:
    shutil.copytree(folder, tmp_path / "own")
    (tmp_path / "own" / "ranking.json").write_text(text)
    for verb in ("validate", "report"):
        assert terminal(verb, tmp_path / "own").complaint.startswith(f"{tmp_path / 'own' / 'ranking.json'}: ")


@pytest.mark.parametrize("name", ["study.json", "protocols/quick-hard.json"])
@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_study_s_own_files_that_are_damaged(name, text, folder, terminal, tmp_path) -> None:
    shutil.copytree(folder, tmp_path / "own")
    (tmp_path / "own" / name).write_text(text)
    assert terminal("report", tmp_path / "own").complaint.startswith(f"{tmp_path / 'own' / name}: ")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"schema_id": "rd3.record/1"}', '{"schema_id": "rd3.record/9"}']
)
def test_a_record_that_is_none(text, folder, terminal, tmp_path) -> None:
    shutil.copytree(folder, tmp_path / "own")
    record = min((tmp_path / "own" / "records").iterdir())
    record.write_text(text)
    for words in (("validate", tmp_path / "own"), ("report", tmp_path / "own"), ("rank", tmp_path / "own")):
        assert terminal(*words).complaint.startswith(f"{record}: not a record (")


def test_two_records_of_one_run_that_differ(folder, terminal, tmp_path) -> None:
    record = min((folder / "records").iterdir())
    other = json.loads(record.read_text()) | {"accuracy": 0.999}
    (tmp_path / "other.json").write_text(json.dumps(other))
    said = terminal("rank", folder, tmp_path / "other.json").complaint
    assert said.startswith(f"{tmp_path / 'other.json'}: another record of the same run says ")


def test_records_of_two_versions_of_a_protocol(folder, terminal, tmp_path) -> None:
    found = [json.loads(file.read_text()) for file in (folder / "records").iterdir()]
    record = next(record for record in found if record["protocol"]["id"] == "quick-hard")
    record |= {"fingerprint": "0" * 20, "protocol": record["protocol"] | {"hash": "1" * 20}}
    (tmp_path / "other.json").write_text(json.dumps(record))
    said = terminal("rank", folder, tmp_path / "other.json").complaint
    assert said == "protocol quick-hard has two hashes among these records; a ranking does not mix them"


@pytest.mark.parametrize("verb", ["rank", "report", "validate"])
def test_a_folder_of_something_else(verb, terminal, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in terminal(verb, tmp_path / "empty").complaint
