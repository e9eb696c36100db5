"""Logistic regression that is kept as a JSON file: scales, coefficients, intercept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from fraud_pipeline.files import read_rows, write_json
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraud_pipeline.datasets import DataSet, Field
    from fraud_pipeline.files import Value
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A fitted model and the scaling that its features went through."""

    name: str
    features: list[str]
    mean: list[float]
    scale: list[float]
    coefficients: list[float]
    intercept: float

    def scores(self, table: Numbers) -> Numbers:
        """The probability of the label being 1, row by row."""
        scaled = (table - np.array(self.mean)) / np.array(self.scale)
        odds: Numbers = scaled @ np.array(self.coefficients) + self.intercept
        return 1 / (1 + np.exp(-odds))

    def save(self, data_set: DataSet) -> None:
        """Write the model file."""
        write_json(data_set, asdict(self))


def load(data_set: DataSet) -> Model:
    """Read a model file."""
    return Model(**json.loads(data_set.path.read_text("utf-8")))


def columns(data_set: DataSet, fields: Sequence[Field], label: str) -> tuple[Numbers, Numbers]:
    """The features and the label of a CSV file, as numbers."""
    rows = read_rows(data_set)
    table = np.array([[float(row[field.name]) for field in fields] for row in rows])
    return table, np.array([float(row[label]) for row in rows])


def fit(
    name: str, fields: Sequence[Field], table: Numbers, label: Numbers, settings: dict[str, Value]
) -> Model:
    """Scale and fit with the given hyperparameters."""
    mean, scale = table.mean(axis=0), table.std(axis=0)
    learner = LogisticRegression(
        C=float(settings["C"]),
        class_weight=settings["class_weight"],
        max_iter=int(settings["max_iter"]),
        random_state=int(settings["seed"]),
    )
    learner.fit((table - mean) / scale, label)
    return Model(
        name=name,
        features=[field.name for field in fields],
        mean=[float(value) for value in mean],
        scale=[float(value) for value in scale],
        coefficients=[float(value) for value in learner.coef_[0]],
        intercept=float(learner.intercept_[0]),
    )
