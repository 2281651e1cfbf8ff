"""Real services for tests and for trying pagemesh out: broker, schema registry, stores.

Every service is a process of this machine on 127.0.0.1, with a folder of its own for its data and
its log. None needs Docker; `compose.yaml` starts the same parts for people who have it.
"""
