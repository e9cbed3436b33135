r"""Formulas in LaTeX, as language models write them, in plain signs: "$\frac{a}{b} \le \pi$" → "a/b ≤ π"."""

from __future__ import annotations

import re

_SIGNS = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠",
    "neq": "≠", "approx": "≈", "sim": "~", "equiv": "≡", "propto": "∝", "infty": "∞", "to": "→", "rightarrow": "→",
    "Rightarrow": "⇒", "implies": "⇒", "leftarrow": "←", "iff": "⇔", "sum": "∑", "prod": "∏", "int": "∫",
    "partial": "∂", "in": "∈", "notin": "∉", "forall": "∀", "exists": "∃", "cup": "∪", "cap": "∩", "neg": "¬",
    "land": "∧", "lor": "∨", "degree": "°", "circ": "°", "percent": "%", "ldots": "...", "dots": "...", "cdots": "...",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Delta": "Δ",
    "Gamma": "Γ", "Omega": "Ω", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Theta": "Θ", "Lambda": "Λ", "Pi": "Π",
}  # fmt: skip
_SILENT = frozenset("left right big Big bigg displaystyle text mathrm mathbf mathit mathbb operatorname quad".split())
# A dollar sign opens a formula only if no blank follows it, and none is before the one that closes it; and it is one
# only if something in it is not a word or an amount: "$5 and 10$" is money.
_FORMULA = re.compile(
    r"\$\$(?P<display>[^$]{1,600})\$\$|(?<![\w\\$])\$(?=\S)(?P<dollars>[^$\n]{1,300})(?<=\S)\$(?![\d\w])"
    r"|\\\((?P<round>[^\n]{1,300}?)\\\)|\\\[(?P<square>[^$]{1,600}?)\\\]"
)
_MATHEMATICAL = re.compile(r"[\\^_=<>{}]|^[A-Za-z]$|^[A-Za-z\d]+ ?[+*/-] ?[A-Za-z\d]+$")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]{1,60})\}\{([^{}]{1,60})\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]{1,60})\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)\s*")
_GROUP = re.compile(r"([\^_]?)\{([^{}]{0,60})\}")


def replace_formulas(text: str) -> str:
    """Replaces formulas of LaTeX by plain signs; what only has dollar signs stays."""
    if "$" not in text and "\\" not in text:
        return text
    return _FORMULA.sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    formula = match[kind].strip()
    if kind != "display" and not _MATHEMATICAL.search(formula):
        return match.group()
    for _ in range(3):
        formula = _FRACTION.sub(lambda found: f"{_grouped(found[1])}/{_grouped(found[2])}", formula)
        formula = _ROOT.sub(r"√\1", formula)
    formula = _COMMAND.sub(lambda found: _SIGNS.get(found[1], "" if found[1] in _SILENT else f"{found[1]} "), formula)
    for _ in range(3):
        formula = _GROUP.sub(r"\1\2", formula)
    return re.sub(r"\\[,;:! ]|\\\\|[{}]", " ", formula).replace("_", " ")


def _grouped(part: str) -> str:
    return part if re.fullmatch(r"\\?\w+", part) else f"({part})"
