"""Configurations of HAProxy, nginx and keepalived: models, views, one file a kind. No Docker, no Pulumi."""
