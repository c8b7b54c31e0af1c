"""What HAProxy, nginx and keepalived are told: models, views, a file for each kind. No Docker, no Pulumi."""
