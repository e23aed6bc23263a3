"""An HTML document that needs no network: Bokeh's script goes into it, and figures stand where its text has room.

Bokeh takes 1.3 MB, where Plotly takes 4.8 MB (and 70 MB to install against 45).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from bokeh.embed import json_item
from bokeh.resources import Resources

from mimyria.memory import write_text

DOCUMENT = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 1.5em auto; padding: 0 1em; }
h1 { font-size: 1.4em; }
pre { background: #f5f5f5; padding: 0.8em; overflow-x: auto; font-size: 12px; }
summary { cursor: pointer; }
</style>
$head
<script>
$script
</script>
</head>
<body>
<h1>$title</h1>
$body
<script type="application/json" id="content">$content</script>
<script>
const content = JSON.parse(document.getElementById("content").textContent);
for (const [place, figure] of Object.entries(content.figures)) Bokeh.embed.embed_item(figure, place);
for (const link of document.querySelectorAll("a[download]"))
  link.href = URL.createObjectURL(new Blob([content.files[link.download]], {type: "text/plain;charset=utf-8"}));
</script>
</body>
</html>
""")


def write_document(
    path: Path, title: str, body: str, figures: Mapping[str, Any], files: Mapping[str, str], *, head: str = ""
) -> None:
    """Write the document.

    Parameters
    ----------
    path, title
        ``.html``; plain text.
    body, head
        HTML; the head in addition to the styles above.
    figures
        Of Bokeh, by the ``id`` of the element of the body that each goes into.
    files
        Texts to download, by the ``download`` of their links in the body.
    """
    items = {place: json_item(figure) for place, figure in figures.items()}
    content = json.dumps({"figures": items, "files": dict(files)}, ensure_ascii=False, separators=(",", ":"))
    text = DOCUMENT.substitute(
        title=escape(title),
        head=head,
        script=Resources(mode="inline", components=["bokeh"]).js_raw[0],
        body=body,
        content=content.replace("<", "\\u003c"),
    )
    write_text(path, text)
