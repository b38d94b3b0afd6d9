"""Least squares with products on the cluster."""

from functools import partial

from sales.estimators import polynomial_regression
from sales.estimators.fitting import least_squares_on_cluster

fit_on = partial(least_squares_on_cluster.fit_on, polynomial_regression.fit_partitions)
