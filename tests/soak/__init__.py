"""``make soak``: the tool at work for a long time, with every feature on.

As many connects as the CPUs make, short processes, and DNS answers, all in a network
namespace of their own. It fails when memory or descriptors grow, or when what was made
is not what was shown and counted as lost. ``load`` makes, ``tool`` watches, ``rules``
says what is wrong.
"""
