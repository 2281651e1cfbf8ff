"""An overlay into a cluster and out of it: `make deploy`, `diff`, `status`, `undeploy`."""
