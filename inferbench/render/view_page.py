"""What a dashboard view shows, as one self-contained page, and its tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from inferbench.files.csv_cells import inert
from inferbench.render import page
from inferbench.render.chart import Chart
from inferbench.render.table import Table


def render_view(title: str, said: Sequence[str], charts: Sequence[Chart], tables: Sequence[Table]) -> str:
    """Render the page. It opens from a file and loads nothing from anywhere."""
    scripts = page.scripts() if charts else ()
    return (
        page.environment()
        .get_template("view.html.j2")
        .render(
            title=title,
            said=said,
            charts=charts,
            tables=tables,
            scripts=scripts,
            hashes=[page.policy_hash(script) for script in scripts],
            figure_json=page.figure_json,
        )
    )


def table_csv(table: Table) -> str:
    """A table as CSV: headings with units, cells as shown. A cell that a spreadsheet would run is quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([inert(column.heading) for column in table.columns])
    writer.writerows([inert(cell) for cell in row] for row in table.rows)
    return text.getvalue()
