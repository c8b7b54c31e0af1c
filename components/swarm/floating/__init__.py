"""A floating address: an address that one of several hosts has."""
