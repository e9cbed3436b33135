"""An evaluation as one HTML file: tables and plots, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from avatar.evaluation.reports.plots import plots
from avatar.evaluation.reports.tables import laid_out
from avatar.evaluation.results import Evaluation, Section
from speech.files.draft import Draft

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #24303c; background: #fff; max-width: 1080px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: #5d6b7a; } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: right; padding: .25rem .8rem; border-bottom: 1px solid #e3e8ed; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; padding-left: 0; }
th { color: #5d6b7a; font-weight: 600; }
.outside { color: #b3261e; font-weight: 600; } .ok { color: #1d6b43; }
.faint { color: #8793a0; }
.note, figcaption { color: #5d6b7a; font-size: .88rem; }
figure { margin: 1.2rem 0; } img { max-width: 100%; height: auto; }
"""


def write_html(found: Evaluation, path: Path) -> None:
    """Writes the report; the file appears when it is complete."""
    text = html(found)
    with Draft(path) as draft:
        draft.path.write_text(text, encoding="utf-8")


def html(found: Evaluation) -> str:
    """The report as text."""
    title = escape(f"{found.title}: evaluation")
    settings = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in found.settings.items())
    goals = "" if found.goals is None else _section(found.goals)
    body = "".join(_section(section) for section in found.sections)
    pictures = "".join(_figure(plot.title, plot.caption, plot.png, "png") for plot in plots(found))
    pictures += "".join(_figure(title, "", jpeg, "jpeg") for title, jpeg in found.pictures.items())
    return (
        "<!doctype html>\n<html lang='en'>\n<head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n<dl>{settings}</dl>\n"
        f"{goals}{body}\n{pictures}</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    table = laid_out(section)
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    lines = [
        "<tr>" + "".join(f"<td class='{cell.kind}'>{escape(cell.text)}</td>" for cell in line) + "</tr>"
        for line in table.rows
    ]
    note = f"<p class='note'>{escape(section.note)}</p>" if section.note else ""
    body = f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    return f"<h2>{escape(section.title)}</h2>\n{body}\n{note}\n"


def _figure(title: str, caption: str, content: bytes, kind: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    title = escape(title, quote=True)
    return (
        f"<h2>{title}</h2><figure><img alt='{title}' src='data:image/{kind};base64,{data}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )
