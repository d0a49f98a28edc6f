"""scikit-learn: one estimator a test; what it predicts, and the fitted estimator itself."""

import pytest

pytest.importorskip("sklearn")

from sklearn import (
    cluster,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_extraction,
    gaussian_process,
    linear_model,
    manifold,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)

CLASSIFIERS = {
    "LogisticRegression": lambda jobs: linear_model.LogisticRegression(),
    "SGDClassifier": lambda jobs: linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "LinearSVC": lambda jobs: svm.LinearSVC(random_state=0),
    "SVC": lambda jobs: svm.SVC(),
    "KNeighborsClassifier": lambda jobs: neighbors.KNeighborsClassifier(n_jobs=jobs),
    "GaussianNB": lambda jobs: naive_bayes.GaussianNB(),
    "LinearDiscriminantAnalysis": lambda jobs: discriminant_analysis.LinearDiscriminantAnalysis(),
    "DecisionTreeClassifier": lambda jobs: tree.DecisionTreeClassifier(random_state=0),
    "RandomForestClassifier": lambda jobs: ensemble.RandomForestClassifier(40, random_state=0, n_jobs=jobs),
    "AdaBoostClassifier": lambda jobs: ensemble.AdaBoostClassifier(n_estimators=20, random_state=0),
    "GradientBoostingClassifier": lambda jobs: ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
    "HistGradientBoostingClassifier": lambda jobs: ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0),
    "MLPClassifier": lambda jobs: neural_network.MLPClassifier(hidden_layer_sizes=(32,), max_iter=20, random_state=0),
}
REGRESSORS = {
    "LinearRegression": lambda jobs: linear_model.LinearRegression(),
    "Ridge": lambda jobs: linear_model.Ridge(),
    "Lasso": lambda jobs: linear_model.Lasso(alpha=0.01),
    "ElasticNet": lambda jobs: linear_model.ElasticNet(alpha=0.01),
    "SVR": lambda jobs: svm.SVR(),
    "RandomForestRegressor": lambda jobs: ensemble.RandomForestRegressor(40, random_state=0, n_jobs=jobs),
    "ExtraTreesRegressor": lambda jobs: ensemble.ExtraTreesRegressor(40, random_state=0, n_jobs=jobs),
    "HistGradientBoostingRegressor": lambda jobs: ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=0),
    "MLPRegressor": lambda jobs: neural_network.MLPRegressor(hidden_layer_sizes=(32,), max_iter=20, random_state=0),
    "GaussianProcessRegressor": lambda jobs: gaussian_process.GaussianProcessRegressor(alpha=0.1),
}
TRANSFORMERS = {
    "StandardScaler": lambda: preprocessing.StandardScaler(),
    "PCA": lambda: decomposition.PCA(5),
    "PCA_randomized": lambda: decomposition.PCA(5, svd_solver="randomized", random_state=0),
    "TruncatedSVD": lambda: decomposition.TruncatedSVD(5, random_state=0),
    "FastICA": lambda: decomposition.FastICA(5, random_state=0, whiten="unit-variance"),
    "NMF": lambda: decomposition.NMF(5, random_state=0, max_iter=100),
    "KMeans": lambda: cluster.KMeans(5, n_init=2, random_state=0),
    "MiniBatchKMeans": lambda: cluster.MiniBatchKMeans(5, n_init=2, random_state=0),
    "TSNE": lambda: manifold.TSNE(init="random", perplexity=10, random_state=0),
}
CLUSTERINGS = {
    "DBSCAN": lambda: cluster.DBSCAN(eps=3.5),
    "AgglomerativeClustering": lambda: cluster.AgglomerativeClustering(5),
    "GaussianMixture": lambda: mixture.GaussianMixture(3, random_state=0),
    "IsolationForest": lambda: ensemble.IsolationForest(n_estimators=50, random_state=0),
}
TEXTS = {
    "CountVectorizer": feature_extraction.text.CountVectorizer,
    "TfidfVectorizer": feature_extraction.text.TfidfVectorizer,
}
SMALL = {"GaussianProcessRegressor": 500, "TSNE": 200}


@pytest.mark.repro
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier(repro, X, labels, jobs, name):
    model = CLASSIFIERS[name](jobs).fit(X, labels)
    scores = model.predict_proba if hasattr(model, "predict_proba") else model.decision_function
    repro.artifact("output", scores(X))
    repro.artifact("model", model)


@pytest.mark.repro
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor(repro, X, target, jobs, name):
    rows = SMALL.get(name, len(X))
    model = REGRESSORS[name](jobs).fit(X[:rows], target[:rows])
    repro.artifact("output", model.predict(X[:rows]))
    repro.artifact("model", model)


@pytest.mark.repro
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer(repro, X, name):
    model = TRANSFORMERS[name]()
    rows = X[: SMALL.get(name, len(X))]
    repro.artifact("output", model.fit_transform(rows + 2 if name == "NMF" else rows))
    repro.artifact("model", model)


@pytest.mark.repro
@pytest.mark.parametrize("name", CLUSTERINGS)
def test_clustering(repro, X, name):
    model = CLUSTERINGS[name]()
    repro.artifact("output", model.fit_predict(X))
    repro.artifact("model", model)


@pytest.mark.repro
@pytest.mark.parametrize("name", TEXTS)
def test_vectorizer(repro, texts, name):
    model = TEXTS[name]()
    repro.artifact("output", model.fit_transform(texts).toarray())
    repro.artifact("model", model)
