"""The domain: the order contract, features, estimators, scores, gates, promotion and registry."""
