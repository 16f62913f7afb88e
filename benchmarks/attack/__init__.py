"""Attacks on what people hand to mmtoolkit: damaged and hostile files, and verbs with odd arrays."""
