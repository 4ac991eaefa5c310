"""The scheduler: a pure state machine. Events in, actions out; no clock, socket, random or await in this package."""
