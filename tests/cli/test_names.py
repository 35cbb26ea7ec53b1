"""A misspelt name is answered with one line that offers the right one, and nothing is done."""

from __future__ import annotations

import pytest

STUDY = (
    "name: tiny\ntargets: [digits]\nteacher: {{model: convnet1-bn-w8}}\nmethods: [random]\nipc: [2]\n"
    "protocols: [rd3]\nstudents: [convnet1-bn-w8]\nseeds: 2\n{line}\n"
)
MISSPELT = [
    ("distil sre2l digits --ipc 2", "unknown verb 'distil'", "distill"),
    ("squeeze digit", "unknown target 'digit'", "digits"),
    ("distill random mnist5 --ipc 2", "unknown target 'mnist5'", "mnist5k"),
    ("distill herdin digits --ipc 2", "unknown method 'herdin'", "herding"),
    ("squeeze digits --teacher-model convnet3-bnn", "unknown model 'convnet3-bnn'", "convnet3-bn"),
    ("evaluate SET digits --protocol rd3-hrad", "unknown protocol 'rd3-hrad'", "rd3-hard"),
    ("evaluate SET digits --student resnet81", "unknown model 'resnet81'", "resnet18"),
    ("score SET digits --protocol QUICK --whole whol", "unknown protocol 'whol'", "whole"),
    ("study run dem", "unknown study 'dem'", "demo"),
    ("distill sre2l digits --ipc 2 -p iteration=10", "unknown key 'iteration'", "iterations"),
    ("list model", "unknown thing to list 'model'", "models"),
    ("list recipe", "unknown thing to list 'recipe'", "recipes"),
]


@pytest.mark.parametrize(("line", "complaint", "meant"), MISSPELT, ids=[line for line, *_ in MISSPELT])
def test_a_misspelt_name_is_met_with_the_right_one(line, complaint, meant, terminal, home) -> None:
    before = home.snapshot()
    words = [{"SET": str(home.sre2l), "QUICK": str(home.protocol)}.get(word, word) for word in line.split()]
    shared = home.options if words[0] in ("squeeze", "distill", "evaluate", "score") else ()
    given = shared[:-4] if "--teacher-model" in words else shared  # the same option twice is another mistake
    said = terminal(*words, *given).complaint
    assert complaint in said
    assert f"did you mean '{meant}'?" in said
    assert home.snapshot() == before


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("seedz: 3", "unknown key 'seedz'; did you mean 'seeds'?"),
        ("whole: whol", "unknown protocol 'whol'; did you mean 'whole'?"),
        ("targets: [digts]", "unknown target 'digts'; did you mean 'digits'?"),
        ("methods: [herdin]", "unknown method 'herdin'; did you mean 'herding'?"),
        ("methods: [{name: sre2l, iteration: 4}]", "unknown key 'iteration'; did you mean 'iterations'?"),
        ("protocols: [rd3-hrad]", "unknown protocol 'rd3-hrad'; did you mean 'rd3-hard'?"),
        ("students: [resnet81]", "unknown model 'resnet81'; did you mean 'resnet18'?"),
        ("teacher: {model: mlp, recipe: shrt}", "unknown teacher recipe 'shrt'; did you mean 'short'?"),
    ],
)
def test_a_misspelt_name_in_a_study_is_met_when_it_is_planned(line, complaint, terminal, tmp_path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(STUDY.format(line=line))
    assert complaint in terminal("study", "run", file, "--home", tmp_path / "home").complaint
    assert complaint in terminal("validate", file).complaint
    assert not (tmp_path / "home").exists()


def test_a_misspelt_setting_is_met_before_a_teacher_is_squeezed_for_it(terminal, tmp_path) -> None:
    said = terminal("distill", "sre2l", "digits", "--ipc", 2, "-p", "lrr=1", "--home", tmp_path / "home").complaint
    assert "unknown key 'lrr'; did you mean 'lr'?" in said
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("key", ["seed", "ipc", "target", "teacher", "store", "listener"])
def test_a_setting_named_like_an_argument_is_unknown_too(key, terminal, home) -> None:
    said = terminal("distill", "sre2l", "digits", "--ipc", 2, "-p", f"{key}=1", *home.options).complaint
    assert f"unknown key '{key}'" in said


@pytest.mark.parametrize("word", ["iterations", "=3", "iterations=["])
def test_a_setting_that_is_no_key_and_value_is_refused(word, terminal, home) -> None:
    assert terminal("distill", "sre2l", "digits", "--ipc", 2, "-p", word, *home.options).complaint.startswith(
        f"-p {word}: "
    )


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("iterations=many", "iterations = 'many': Input should be a valid integer"),
        ("iterations=-4", "iterations = -4: Input should be greater than or equal to 0"),
        ("init=rela", "init = 'rela': Input should be 'noise', 'real', 'medium', 'rded' or 'rded-medium'"),
    ],
)
def test_a_setting_out_of_range_says_what_is_allowed(setting, complaint, terminal, home) -> None:
    said = terminal("distill", "sre2l", "digits", "--ipc", 2, "-p", setting, *home.options).complaint
    assert f"method sre2l: {complaint}" in said


@pytest.mark.parametrize(
    "words",
    [
        ("squeeze",),
        ("squeeze", "digits", "--teacher-modle", "lenet"),
        ("study", "rum", "demo"),
        ("distill", "random", "digits", "--ipc", "two"),
        ("evaluate", "set", "digits", "--pixels", "unti"),
    ],
)
def test_a_command_that_cannot_be_parsed_ends_with_two_and_no_traceback(words, terminal) -> None:
    outcome = terminal(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert f"rd3 {words[0]} --help" in outcome.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--seeds", 0), "seeds = 0: at least 1 is needed"),
        (("--workers", 0), "workers = 0: at least 1 is needed"),
        (("--device", "gpu"), "device = gpu: "),
        (("--runs-in-flight", 4), "--workers and --runs-in-flight: give one of the two"),
        (("--teacher-epochs", 0), "epochs = 0: Input should be greater than 0"),
    ],
)
def test_a_number_or_device_that_cannot_be_is_refused(words, complaint, terminal, home) -> None:
    given = {"--workers": "1", "--teacher-model": "convnet1-bn-w8", "--teacher-epochs": "2", words[0]: words[1]}
    flat = [part for pair in given.items() for part in pair]
    said = terminal("evaluate", home.sre2l, "digits", "--protocol", home.protocol, "--home", home.path, *flat)
    assert complaint in said.complaint


def test_a_protocol_that_only_serves_others_is_not_scored(terminal, home) -> None:
    plain = home.protocol.with_name("quick-plain.yaml")
    said = terminal("score", home.sre2l, "digits", "--protocol", plain, *home.options).complaint
    assert "protocol quick-plain only serves the scores of others" in said


def test_a_home_that_cannot_be_is_named(terminal, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = terminal("squeeze", "digits", "--teacher-epochs", 1, "--home", tmp_path / "file").complaint
    assert said.startswith(f"{tmp_path / 'file'}")
    assert "Not a directory" in said
