"""A lineage answer in the languages of other tools: text, made piece by piece as it is asked for.

Every format says what the answer rests on, what was cut, and whether it is complete. Names come
from anywhere, so each writer escapes what would mean something in its own language.
"""
