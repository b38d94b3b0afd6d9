"""Least squares on the cluster."""

from functools import partial

from sales.estimators import linear_regression
from sales.estimators.fitting import least_squares_on_cluster

fit_on = partial(least_squares_on_cluster.fit_on, linear_regression.fit_partitions)
