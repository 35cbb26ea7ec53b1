"""The public names, and the example that introduces them."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import rd3
from rd3.base.seeds import derive_seed
from rd3.study.store import Store

MODEL = "convnet1-bn-w8"
README = Path(__file__).parent.parent / "README.md"
PROTOCOL = (
    "id: {name}\nversion: 1\nbase: rd3\ntitle: short\nsource: tests\npurpose: {purpose}\n"
    "counterparts: {{plain: PLAIN}}\nfields:\n  epochs: {{value: 4, provenance: inferred}}\n"
)


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A protocol of four epochs, with its counterpart without augmentation."""
    folder = tmp_path_factory.mktemp("protocols")
    plain = PROTOCOL.format(name="short-plain", purpose="reference").replace("counterparts: {plain: PLAIN}\n", "")
    plain += "  augment: {value: [], provenance: inferred}\n  mix: {value: null, provenance: inferred}\n"
    (folder / "plain.yaml").write_text(plain)
    text = PROTOCOL.format(name="short", purpose="ranking").replace("PLAIN", str(folder / "plain.yaml"))
    (folder / "short.yaml").write_text(text)
    return str(folder / "short.yaml")


@pytest.fixture(scope="module")
def target() -> rd3.Target:
    return rd3.load_target("digits")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def teacher(target, store) -> rd3.Teacher:
    return rd3.squeeze(target, model=MODEL, epochs=2, store=store)


def test_import_loads_no_torch() -> None:
    code = "import sys, rd3; assert rd3.__version__; print(sorted({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


@pytest.mark.parametrize("name", rd3.__all__)
def test_every_public_name_is_there(name) -> None:
    assert getattr(rd3, name) is not None
    assert name in dir(rd3)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rd3' has no attribute 'sqeeze'"):
        _ = rd3.sqeeze


def test_the_verb_squeeze_stays_when_its_room_is_imported() -> None:
    import rd3.squeeze.spec
    from rd3.squeeze import files

    assert inspect.isfunction(rd3.squeeze)
    assert rd3.squeeze is sys.modules["rd3.api"].squeeze
    assert inspect.ismodule(files)


def test_every_public_function_says_what_it_does() -> None:
    for name in set(rd3.__all__) - {"__version__"}:
        assert inspect.getdoc(getattr(rd3, name)), name


@pytest.fixture
def run_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs code from a document in a home of its own, with other names where the given ones would take minutes."""

    def run_example(code: str, changes: dict[str, str]) -> list[str]:
        monkeypatch.setenv("RD3_HOME", str(tmp_path / "home"))
        for there, here in changes.items():
            assert there in code, f"the example no longer has {there}; change this test with it"
            code = code.replace(there, here)
        exec(compile(code, "example", "exec"), {})
        return capsys.readouterr().out.splitlines()

    return run_example


EVALUATION = r"\d+\.\d ± \d+\.\d \(95 % t, n=2\), \d+\.\d s a run"


def test_the_example_of_the_package_runs(protocol: str, run_example, tmp_path: Path) -> None:
    code = textwrap.dedent("\n".join(line for line in str(rd3.__doc__).splitlines() if line.startswith("    ")))
    changes = {
        '"mnist5k"': '"digits"',
        'model="convnet3-bn-w32"': f'model="{MODEL}", epochs=2',
        "ipc=10": "ipc=1, iterations=5",
        'protocol="rd3"': f"protocol={protocol!r}",
        "seeds=5": "seeds=2",
    }
    evaluation, score = run_example(code, changes)
    assert re.fullmatch(EVALUATION, evaluation)
    assert re.fullmatch(r"sre2l\[iterations=5\], IPC 1, short: accuracy .* random .* ior .* ars .*", score)
    kinds = {place.name for place in (tmp_path / "home" / "store").iterdir()}
    assert {"teacher", "synthetic", "run"} <= kinds


def test_the_example_of_the_readme_runs(target, protocol: str, run_example, tmp_path: Path) -> None:
    """Pictures of one's own, as real data and as a synthetic set."""
    folders = {"real/train": (target.train, 5), "real/test": (target.test, 5), "images": (target.train, 2)}
    for folder, (split, count) in folders.items():
        for label in range(10):
            (tmp_path / folder / str(label)).mkdir(parents=True)
            for index in (split.labels == label).nonzero()[:count, 0].tolist():
                picture = Image.fromarray(split.pixels[index, 0].numpy())
                picture.save(tmp_path / folder / str(label) / f"{index}.png")
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    changes = {
        "folder:my_real_data@64": f"folder:{tmp_path / 'real'}@8",
        "my_images/": str(tmp_path / "images"),
        'model="resnet18"': f'model="{MODEL}", epochs=2',
        'protocol="rd3"': f"protocol={protocol!r}",
        "seeds=5": "seeds=2",
    }
    evaluation, score = run_example(code, changes)
    assert re.fullmatch(EVALUATION, evaluation)
    assert score.startswith("images, IPC 2, short: accuracy ")


def test_doing_it_again_gives_the_same_and_trains_nothing(target, teacher, store, protocol) -> None:
    heard: list[str] = []

    class Ears:
        def started(self, job) -> None:
            heard.append(job.title)

        def expect(self, jobs) -> None: ...

        def resumed(self, job, place) -> None: ...

        def progressed(self, job, fraction) -> None: ...

        def finished(self, job, seconds) -> None: ...

    def chain() -> tuple[object, ...]:
        made = rd3.distill("random", target, ipc=2, store=store, listener=Ears())
        found = rd3.evaluate(made, target, protocol=protocol, teacher=teacher, seeds=2, store=store, listener=Ears())
        return made.content_fingerprint, found.accuracies, found.interval

    first = chain()
    assert heard
    heard.clear()
    assert chain() == first
    assert heard == []


def test_another_seed_is_another_draw(target, store) -> None:
    first, second = (rd3.distill("random", target, ipc=2, seed=seed, store=store) for seed in (0, 1))
    assert not torch.equal(first.images, second.images)
    assert (first.manifest.draw, second.manifest.draw) == (0, 1)
    assert first.manifest.seed == derive_seed("draw", target.fingerprint, 2, 0)


def test_a_set_that_was_changed_is_not_taken_for_the_stored_one(target, teacher, store, protocol) -> None:
    made = rd3.distill("random", target, ipc=2, store=store)
    options = {"protocol": protocol, "teacher": teacher, "seeds": 1, "store": store}
    usual = rd3.evaluate(made, target, **options)
    changed = replace(made, images=255 - made.images)
    with pytest.raises(rd3.UserError, match=r"its images or labels were changed since \w+ was made"):
        rd3.evaluate(changed, target, **options)
    own = changed.manifest.model_copy(update={"fingerprint": changed.content_fingerprint, "method": "inverted"})
    other = rd3.evaluate(replace(changed, manifest=own), target, **options)
    assert other.records[0].images != usual.records[0].images
    assert other.records[0].method == "inverted"


def test_a_soft_protocol_needs_a_teacher(target, store, protocol) -> None:
    made = rd3.distill("random", target, ipc=2, store=store)
    with pytest.raises(rd3.UserError, match="protocol short labels with a teacher, and none was given"):
        rd3.evaluate(made, target, protocol=protocol, student=MODEL, seeds=1, store=store)


def test_a_method_that_needs_a_teacher_says_so(target, store) -> None:
    with pytest.raises(rd3.UserError, match="method sre2l needs a teacher, and none was given"):
        rd3.distill("sre2l", target, ipc=1, store=store)


def test_a_brought_teacher_labels_as_the_squeezed_one_does(target, store, protocol, tmp_path) -> None:
    squeezed = rd3.squeeze(target, model="convnet2-bn-w32", store=store)
    torch.save(squeezed.model.state_dict(), tmp_path / "teacher.pt")
    brought = rd3.bring_teacher(tmp_path / "teacher.pt", target, model="convnet2-bn-w32")
    made = rd3.distill("random", target, ipc=2, store=store)
    both = [
        rd3.evaluate(made, target, protocol=protocol, teacher=one, student=MODEL, seeds=2, store=store)
        for one in (squeezed, brought)
    ]
    assert both[0].accuracies == both[1].accuracies
    assert both[0].records[0].teachers != both[1].records[0].teachers
