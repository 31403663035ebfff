"""Random, hostile data for everything that decodes what comes from outside.

``make fuzz SECONDS=600`` goes on for so long, from another seed each time; ``make
test`` takes a few seconds, from the same seed. What fails says how to have it again.
"""
