"""Any column into any verb: a result, or an error of ours that says what is wrong."""

from __future__ import annotations

import traceback

from brought import VERBS, columns, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(VERBS)), columns())
def test_any_column_in_any_verb_gives_a_result_or_a_clear_error(verb, column):
    kind, values = column

    wrong = told(verb, values)

    assert wrong is None, f"{verb} of {kind}: {''.join(traceback.format_exception(wrong)[-3:])}"
