"""Compares the tool with others of its kind, in one virtual machine.

``make bench-peers`` boots the machine (vmtest/peers.py) and prints the report. In the
machine ``guest`` measures: ``peer`` runs a tool on a terminal, as people do, ``cases``
makes one connection of each kind and compares what two tools show of it. ``report``
makes the tables.
"""
