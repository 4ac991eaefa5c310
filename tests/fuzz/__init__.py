"""Services and files under damaged input."""
