"""`make check-deploy`: what can be checked of `deploy/` without a container engine or a cluster."""
