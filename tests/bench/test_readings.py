"""Histograms of the server: read, subtracted, asked for quantiles."""

from __future__ import annotations

import pytest

from tests.bench.readings import Histogram

TEXT = """\
# TYPE jiangtang_media_trains histogram
jiangtang_media_trains_bucket{le="1.0"} 10.0
jiangtang_media_trains_bucket{le="6.0"} 110.0
jiangtang_media_trains_bucket{le="+Inf"} 110.0
jiangtang_media_trains_count 110.0
jiangtang_media_lag_bucket{room="a",le="0.01"} 1.0
jiangtang_media_lag_bucket{room="a",le="+Inf"} 2.0
jiangtang_media_lag_bucket{room="b",le="0.01"} 3.0
jiangtang_media_lag_bucket{room="b",le="+Inf"} 6.0
"""


def test_a_histogram_is_read_with_all_its_labels_together() -> None:
    assert Histogram.read(TEXT, "jiangtang_media_trains").cumulative == {1.0: 10, 6.0: 110, float("inf"): 110}
    assert Histogram.read(TEXT, "jiangtang_media_lag").cumulative == {0.01: 4, float("inf"): 8}


def test_what_is_not_told_has_no_quantile() -> None:
    absent = Histogram.read(TEXT, "jiangtang_media_nothing")
    assert absent.count == 0
    assert absent.quantile(0.5) is absent.median_step() is None


def test_a_difference_is_what_came_meanwhile() -> None:
    earlier = Histogram({1.0: 10, 6.0: 10, float("inf"): 10})
    later = Histogram.read(TEXT, "jiangtang_media_trains")
    assert (later - earlier).median_step() == 6
    assert (later - Histogram()).cumulative == later.cumulative


@pytest.mark.parametrize(("share", "value"), [(0.05, 0.5), (0.1, 1.0), (0.5, 2.0), (0.9, 3.0), (0.95, 3.0), (1.0, 3.0)])
def test_quantiles_are_interpolated_and_end_at_the_last_finite_bound(share: float, value: float) -> None:
    held = Histogram({1.0: 10, 3.0: 90, float("inf"): 100})
    assert held.quantile(share) == pytest.approx(value)


def test_an_empty_bucket_is_stepped_over() -> None:
    held = Histogram({1.0: 5, 2.0: 5, 3.0: 10, float("inf"): 10})
    assert held.quantile(0.5) == pytest.approx(1.0)
    assert held.quantile(0.6) == pytest.approx(2.2)
