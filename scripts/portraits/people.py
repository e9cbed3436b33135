"""The painted people, each described in a module of their own."""

from __future__ import annotations

from portraits.ada import ADA
from portraits.jonas import JONAS
from portraits.mira import MIRA

PEOPLE = (MIRA, JONAS, ADA)
