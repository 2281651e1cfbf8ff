"""Istio's resources as Envoy's configuration, as istiod makes it, for what `k8s/` has of them.

What is not known here raises `UnknownFieldError`: a setting that nobody translates is one that
nobody tests.
"""
