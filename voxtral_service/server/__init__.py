"""Sockets, routes, keys and wiring."""
