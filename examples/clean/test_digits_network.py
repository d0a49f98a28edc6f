"""Train a small neural network: its loss curve is a series, its errors a confusion matrix, its weights a list."""

import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


@pytest.mark.repro
def test_digits_network(repro):
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=repro.seed)
    model = MLPClassifier((32,), learning_rate_init=0.01, early_stopping=True, random_state=repro.seed)
    model.fit(X_train, y_train)

    for epoch, loss in enumerate(model.loss_curve_):
        repro.metric("loss", loss, step=epoch)
    repro.metric("test accuracy", model.score(X_test, y_test))
    repro.artifact("confusion", confusion_matrix(y_test, model.predict(X_test)))
    repro.artifact("weights", model.coefs_)
    assert model.score(X_test, y_test) > 0.9
