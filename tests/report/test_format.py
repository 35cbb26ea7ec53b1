from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rd3.report.format import number, p_value, percent, plain, score, seconds, size
from rd3.report.ranking import Interval

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(mean=0.713, low=0.707, high=0.719), "71.3 ± 0.6"),
        (Interval(mean=0.713), "71.3"),
        (Interval(mean=-0.021, low=-0.03, high=-0.012), "−2.1 ± 0.9"),
        (Interval(mean=0.9912, low=0.9909, high=0.9915), "99.12 ± 0.03"),
        (None, "–"),
    ],
)
def test_percent_shows_mean_and_half_width(interval: Interval | None, text: str) -> None:
    assert percent(interval) == text


def test_a_half_width_is_never_rounded_to_nothing_while_a_decimal_can_show_it() -> None:
    assert score(Interval(mean=0.28447, low=0.28427, high=0.28467)) == "0.2845 ± 0.0002"


@given(st.floats(0.01, 1e7))
@example(0.015625)
@example(0.0951)
def test_seconds_read_back_to_five_percent(value: float) -> None:
    amount, unit = seconds(value).split()
    assert float(amount) * UNITS[unit] == pytest.approx(value, rel=0.06)


@given(st.integers(1, 10**17))
def test_bytes_read_back_to_five_percent(value: int) -> None:
    amount, unit = size(value).split()
    assert float(amount) * UNITS[unit] == pytest.approx(value, rel=0.06)
    assert len(amount) <= 3


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_numbers_have_no_hyphen_and_no_negative_zero(value: float, decimals: int) -> None:
    text = number(value, decimals)
    assert "-" not in text
    assert float(text.replace("−", "-")) == pytest.approx(value, abs=0.51 * 10**-decimals)
    assert not text.startswith("−0") or float(text.replace("−", "-")) < 0


def test_a_p_value_is_never_shown_as_zero() -> None:
    assert p_value(0.0) == "< 0.001"


@given(st.text())
def test_plain_text_stays_on_its_line(text: str) -> None:
    assert plain(text).isprintable()
