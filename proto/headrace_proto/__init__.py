"""Messages and stubs generated from `proto/headrace/v1/*.proto` by `scripts/generate_proto.py`."""
