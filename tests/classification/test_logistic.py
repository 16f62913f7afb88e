import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import estimator_checks_generator
from threadpoolctl import threadpool_limits

from mmtoolkit.classification.gradients import Axes, SoftmaxPath
from mmtoolkit.classification.lbfgs import minimize
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.multinomial import softmax

CHECKS = list(estimator_checks_generator(LogisticClassifier()))


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=[check.func.__name__ for _, check in CHECKS])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize("shape", [(240, 12), (60, 100)])
def test_same_optimum_as_scikit_learn(rng, shape):
    X = rng.normal(size=shape).astype(np.float32) + 3
    y = rng.integers(3, size=len(X))

    path = SoftmaxPath(Axes(X), y, 3, np.ones((len(X), 1)), max_iter=500)
    path.solve(2.0, tol=1e-9)

    coef, intercept = path.coefficients(0)
    theirs = LogisticRegression(C=2.0, tol=1e-9, max_iter=10_000).fit(X.astype(np.float64), y)
    ours = softmax(X @ coef.T + intercept)
    np.testing.assert_allclose(ours, theirs.predict_proba(X.astype(np.float64)), atol=2e-3)


def test_sets_solved_side_by_side_equal_sets_solved_alone(rng):
    X, y = rng.normal(size=(120, 8)).astype(np.float32), np.arange(120) % 3
    inside = (np.arange(120) % 2 == 0).astype(float)

    both = SoftmaxPath(Axes(X), y, 3, np.stack([inside, np.ones(120)], axis=1), max_iter=500)
    both.solve(1.0, tol=1e-9)

    alone = LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000).fit(X[::2].astype(np.float64), y[::2])
    coef, intercept = both.coefficients(0)
    np.testing.assert_allclose(softmax(X @ coef.T + intercept), alone.predict_proba(X.astype(np.float64)), atol=2e-3)


def test_minimize_finds_the_bottom_of_a_narrow_valley():
    scale = np.logspace(0, 3, 50).astype(np.float32)

    x, n = minimize(
        lambda v: (float(scale @ (v - 1) ** 2), 2 * scale * (v - 1)),
        np.zeros(50, dtype=np.float32),
        max_iter=500,
        tol=1e-12,
    )

    np.testing.assert_allclose(x, 1.0, atol=1e-2)
    assert n < 400


def test_threads_change_no_bit(data):
    X, y = data

    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            fits.append(LogisticClassifier().fit(X, y))

    assert fits[0].coef_.tobytes() == fits[1].coef_.tobytes()
    assert fits[0].C_ == fits[1].C_
    assert fits[0].predict_proba(X).tobytes() == fits[1].predict_proba(X).tobytes()


def test_c_goes_beyond_both_edges(data):
    X, y = data

    low = LogisticClassifier(Cs=(100.0, 1000.0)).fit(X, y)
    high = LogisticClassifier(Cs=(1e-6, 1e-5)).fit(X, y)

    assert low.C_ < 100.0
    assert high.C_ > 1e-5
    assert low.path_[low.C_] == min(low.path_.values())


def test_path_stops_when_the_loss_has_turned(data):
    X, y = data

    model = LogisticClassifier(Cs=tuple(np.logspace(-3, 8, 12))).fit(X, y)

    assert max(model.path_) < 1e8


def test_many_easy_rows_are_settled_by_a_sample_at_the_same_optimum(rng):
    y = np.arange(9000) % 3
    X = (rng.normal(size=(9000, 6)) + 12 * np.eye(6)[y]).astype(np.float32)

    model = LogisticClassifier(calibrate=False).fit(X, y)

    theirs = LogisticRegression(C=model.C_, tol=1e-9, max_iter=10_000).fit(X.astype(np.float64), y)
    assert len(model.path_) == 1
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X.astype(np.float64)), atol=5e-3)


def test_a_sample_that_lacks_a_rare_class_settles_nothing(rng):
    y = np.repeat([0, 1, 2], [5000, 4990, 10])
    X = (rng.normal(size=(10_000, 6)) + 12 * np.eye(6)[np.minimum(y, 1)]).astype(
        np.float32
    )  # the rare class is like another

    model = LogisticClassifier().fit(X, y)

    assert len(model.path_) > 1
    assert model.predict_proba(X[y == 1])[:, 2].mean() == pytest.approx(10 / 5000, rel=0.5)


def test_groups_stay_together_inside(data):
    X, y = data
    twice = np.concatenate([X, X])
    labels = np.concatenate([y, np.roll(y, 1)])  # every copy contradicts its original

    blind = LogisticClassifier().fit(twice, labels)
    seeing = LogisticClassifier().fit(twice, labels, groups=np.tile(np.arange(len(X)), 2))

    assert seeing.path_ != blind.path_


def test_one_member_class_still_fits(rng):
    X = rng.normal(size=(9, 4))

    model = LogisticClassifier().fit(X, ["a"] * 8 + ["b"])

    assert model.temperature_ == 1.0
    assert model.path_ == {}


def test_class_weight_moves_answers_to_the_rare_class(rng):
    X = np.concatenate([rng.normal(size=(90, 3)), rng.normal(size=(10, 3)) + 1])
    y = np.array([0] * 90 + [1] * 10)

    plain = LogisticClassifier().fit(X, y).predict(X)
    balanced = LogisticClassifier(class_weight="balanced").fit(X, y).predict(X)

    assert (balanced == 1).sum() > (plain == 1).sum()


@pytest.mark.parametrize("Cs", [(), (0, 1), (-1, 1), (1, float("nan"))])
def test_penalties_must_be_positive(data, Cs):
    with pytest.raises(ValueError, match="Cs must be at least one number above 0, got"):
        LogisticClassifier(Cs).fit(*data)


def test_no_larger_c_is_tried_when_no_held_out_row_is_wrong(rng):
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 4)) + 20 * y[:, None]

    model = LogisticClassifier(Cs=(1e-4, 1e-3)).fit(X, y)

    assert max(model.path_) <= 1e-3
    assert model.bounds_ == ("C=0.001 is the largest that was tried: no held-out item was wrong",)


def test_few_rows_without_errors_do_not_make_it_sure(rng):
    """Four standard deviations apart: 1 in 50 new rows falls on the other side, and none of 60 may show it."""
    losses = []
    for _ in range(20):
        y = np.arange(2060) % 2
        X = rng.normal(size=(2060, 16))
        X[:, 0] += 4 * y
        model = LogisticClassifier().fit(X[:60], y[:60])
        p = model.predict_proba(X[60:])[np.arange(2000), y[60:]]
        losses.append(-np.log(p).mean())

    assert np.mean(losses) < 0.15
    assert max(losses) < 0.5


def test_probabilities_of_weighted_classes_are_of_the_classes_as_they_come(rng):
    y = (np.arange(1020) >= 1000).astype(int)
    new = (np.arange(20_400) >= 20_000).astype(int)
    X, A = (rng.normal(size=(len(classes), 16)) + 2.0 * classes[:, None] / 4 for classes in (y, new))

    model = LogisticClassifier(class_weight="balanced").fit(X, y)

    assert model.predict_proba(A)[:, 1].mean() == pytest.approx(20 / 1020, rel=0.25)
    assert (model.predict(A) == 1).mean() > 0.1


@pytest.mark.parametrize("d", [8, 48])
def test_mean_probabilities_of_weighted_classes_are_their_shares_on_new_rows(d):
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        y, new = (np.repeat([0, 1], [50 * m, m]) for m in (20, 200))
        X, A = (rng.normal(size=(len(classes), d)) + 2.5 * np.outer(classes, np.eye(d)[0]) for classes in (y, new))
        found.append(LogisticClassifier(class_weight="balanced").fit(X, y).predict_proba(A)[:, 1].mean() * 51)

    assert np.mean(found) == pytest.approx(1.0, abs=0.1)
