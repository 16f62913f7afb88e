"""The table of failures, row by row against everything the service is known to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulator import FAULTS

from mmtoolkit.providers.dashscope.rules import RULES, batch_limit, classify
from mmtoolkit.providers.queue.rules import Answer

CODED = {name: fault for name, fault in FAULTS.items() if fault.code and fault.status != 200}
ACTS = {"stop": {"stop"}, "item": {"item"}, "retry": {"retry", "slow"}}


@pytest.mark.parametrize("name", CODED)
def test_every_known_code_is_treated_as_the_service_means_it(name):
    fault = CODED[name]

    rule = classify(Answer(fault.status, code=fault.code, message=fault.message))

    assert rule.act in ACTS[fault.act]
    assert (rule.act == "slow") == (fault.status == 429 and fault.act == "retry")


@pytest.mark.parametrize("spelling", ["InvalidApiKey", "invalid_api_key", "INVALID API KEY", "Invalid-Api-Key"])
def test_spelling_does_not_matter(spelling):
    assert "DASHSCOPE_API_KEY" in classify(Answer(401, code=spelling)).remedy


def test_exhausted_free_quota_is_permanent_though_it_calls_itself_throttling():
    code = "Throttling.AllocationQuota"

    assert classify(Answer(429, code=code, message="Free allocated quota exceeded.")).act == "stop"
    assert classify(Answer(429, code=code, message="Allocated quota exceeded.")).act == "slow"


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("The dimension 999 is not supported", "stop"),
        ("Value error, dimension should be one of 1024, 768: parameters.dimension", "stop"),
        ("The image dimensions do not meet the requirements", "item"),
        ("The dimension of the image is too small", "item"),
    ],
)
def test_the_size_of_a_picture_is_no_setting(message, act):
    assert classify(Answer(400, code="InvalidParameter", message=message)).act == act


def test_a_code_nested_in_the_message_counts():
    nested = "<400> InternalError.Algo.InvalidParameter: the image is illegal"

    assert classify(Answer(500, code="InternalError.Algo", message=nested)).act == "item"


@pytest.mark.parametrize(
    ("status", "act"),
    [(None, "retry"), (200, "retry"), (302, "stop"), (400, "item"), (401, "stop"), (403, "stop"), (404, "stop"), (407, "stop"),
     (408, "retry"), (501, "retry"), (520, "retry"), (529, "retry"), (413, "item"), (418, "item"), (429, "slow"), (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry")],
)  # fmt: skip
def test_without_a_known_code_the_status_decides(status, act):
    assert classify(Answer(status)).act == act


def test_batch_limit_is_read_from_the_message():
    message = "Value error, batch size is invalid, it should not be larger than 10.: input.contents"

    assert classify(Answer(400, code="InvalidParameter", message=message)).act == "shrink"
    assert batch_limit(message) == 10
    assert batch_limit("batch size is invalid") is None


def test_tries_are_bounded_and_only_for_what_can_heal():
    assert all(rule.tries == 1 for rule in RULES if rule.act in ("stop", "shrink"))
    assert all(2 <= rule.tries <= 12 for rule in RULES if rule.act in ("retry", "slow"))


def test_every_row_says_what_to_do_and_stands_in_the_documentation():
    page = (Path(__file__).resolve().parents[3] / "docs" / "dashscope.md").read_text("utf-8")

    assert all(rule.remedy for rule in RULES)
    missing = {code for rule in RULES for code in rule.codes.split() if code not in page}
    assert not missing
