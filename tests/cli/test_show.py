"""`rd3 show`: a protocol in full, what it says for a cell, and how two differ."""

from __future__ import annotations

import pytest

from rd3.evaluation.files import load_protocol


def squeezed(text: str) -> str:
    return " ".join(text.split())


def row(text: str, name: str) -> list[str]:
    """A table's row, up to the next one: the words of its first line."""
    return next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()


def test_a_card_has_every_setting_and_where_it_comes_from(terminal) -> None:
    shown = terminal.done("show", "sre2l")
    protocol = load_protocol("sre2l")
    assert f"sre2l, version 1, hash {protocol.hash}" in shown
    for text in (protocol.title, protocol.source, "hard sre2l-hard, plain sre2l-plain, whole whole"):
        assert text in shown
    for name, field in protocol.fields.items():
        assert row(shown, name)[-1:] or field
        assert field.provenance in " ".join(row(shown, name)), name
    assert "tiny: up to 64 px" in squeezed(shown)
    assert "tiny: 100" in squeezed(shown)
    assert squeezed(protocol.note)[:60] in squeezed(shown)


def test_the_ambiguities_stand_on_the_card_of_rd3(terminal) -> None:
    shown = terminal.done("show", "rd3")
    for number in range(1, 12):
        assert f"A{number} " in shown


def test_values_for_a_cell_need_no_data(terminal) -> None:
    shown = terminal.done("show", "fadrm", "--target", "imagewoof", "--student", "tv:resnet50", "--ipc", "10")
    assert "on imagewoof, IPC 10, with tv:resnet50" in shown
    assert row(shown, "lr")[:3] == ["lr", "0.005", "code"]
    assert row(shown, "zeta")[:3] == ["zeta", "1", "code"]
    assert row(shown, "batch_size")[:2] == ["batch_size", "10"]


def test_the_provenance_of_a_cell_is_that_of_its_case(terminal) -> None:
    assert row(terminal.done("show", "cda", "--target", "imagenet-1k"), "batch_size")[1:3] == ["128", "unverified"]
    assert row(terminal.done("show", "cda", "--target", "cifar10"), "batch_size")[1:3] == ["128", "inferred"]


def test_what_gave_way_to_the_target_is_said(terminal) -> None:
    shown = terminal.done("show", "rd3", "--target", "digits", "--student", "mlp")
    assert "flip left out: it does not keep the classes of digits" in shown
    assert row(shown, "normalisation")[1] == "target"


def test_two_protocols_are_compared_setting_by_setting(terminal) -> None:
    shown = terminal.done("show", "rded", "rded-code")
    names = {line.split()[0] for line in shown.splitlines() if line and line[0].islower() and "  " in line}
    assert names - {"setting"} == {
        *("normalisation", "validation_resize", "double_bn_update", "report", "report_phase"),
    }
    assert row(shown, "double_bn_update") == ["double_bn_update", "no", "yes"]
    assert row(shown, "report") == ["report", "last", "best-last20"]
    cell = terminal.done("show", "rded", "rded-code", "--target", "imagenet-1k")
    assert "normalisation" not in cell
    assert row(cell, "report_phase") == ["report_phase", "0", "9"]
    assert terminal.done("show", "rd3", "rd3").endswith("the same in every setting")


def test_a_file_is_shown_by_its_path(terminal, home) -> None:
    shown = terminal.done("show", home.protocol)
    assert "quick, version 1" in shown
    assert row(shown, "epochs")[1:3] == ["5", "inferred"]
    assert "from Rectified Decoupled" in squeezed(shown), "inherited fields name the base's source"
    assert row(terminal.done("show", "rd3", home.protocol), "epochs") == ["epochs", "400", "5"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("rd4",), "unknown protocol 'rd4'; did you mean 'rd3'?"),
        (("rd3", "rded", "edc"), "3 protocols: name one to show, or two to compare"),
        (("rd3", "--ipc", "10"), "--student and --ipc need --target"),
        (("rd3", "--target", "cifar10", "--ipc", "0"), "--ipc 0: IPC is at least 1"),
        (("rd3", "--target", "cifra10"), "did you mean 'cifar10'?"),
        (("rd3", "--target", "cifar10", "--student", "resnet-18"), "unknown model 'resnet-18'"),
        (("ddr-dc-hard",), "unknown protocol 'ddr-dc-hard'"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(words, complaint, terminal) -> None:
    assert complaint in terminal("show", *words).complaint


def test_the_images_of_a_set_are_written_as_a_contact_sheet(terminal, tmp_path) -> None:
    import numpy as np
    from PIL import Image

    from rd3.synthetic import Synthetic

    terminal.done("distill", "random", "digits", "--ipc", "2", "--out", str(tmp_path / "set"), "--home", str(tmp_path))
    shown = terminal.done("show", str(tmp_path / "set"), "--sheet", str(tmp_path / "sheet.png"))
    assert "random, from left to right 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in shown
    picture = np.array(Image.open(tmp_path / "sheet.png"))
    second_of_three = Synthetic.load(tmp_path / "set").images[2 * 3 + 1, 0].numpy()
    assert np.array_equal(picture[33:65:4, 99:131:4, 0], second_of_three)
    assert "give --sheet FILE.png to see the images" in terminal("show", tmp_path / "set").complaint


def test_a_sheet_that_cannot_be_written_is_refused(terminal, tmp_path) -> None:
    assert "a contact sheet is a .png" in terminal("show", "rd3", "--sheet", tmp_path / "sheet.jpg").complaint
