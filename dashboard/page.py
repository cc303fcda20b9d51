"""What a view shows, kept as it is shown, so that it can be taken away as files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard import controls
from dashboard.plot import plot
from dashboard.text import plain
from inferbench.files.web_addresses import web_address
from inferbench.render.chart import Chart
from inferbench.render.table import Table
from inferbench.render.view_page import render_view, table_csv
from inferbench.runs.report.notices import Notice

FORMATS = ("svg", "png")


@dataclass
class Page:
    """One view. Whatever it shows goes through here; all text is from files until `plain` has seen it."""

    name: str
    """Of the files that it is saved as."""
    title: str
    said: list[str] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        st.header(plain(self.title))

    def say(self, text: str, *, small: bool = False) -> None:
        """Show a paragraph."""
        self.said.append(text)
        (st.caption if small else st.markdown)(plain(text))

    def lead(self, text: str) -> None:
        """Show the sentence that the view is about."""
        self.said.append(text)
        st.subheader(plain(text), anchor=False)

    def link(self, label: str, address: str | None) -> None:
        """Show a link to an address of the web; nothing where a file has another kind of address, or none."""
        if place := web_address(address):
            self.said.append(f"{label}: {place}")
            st.link_button(plain(label), place, icon=":material/open_in_new:")

    def notice(self, notice: Notice) -> None:
        """Show a banner."""
        text = f"{notice.title}. {notice.text}"
        self.said.append(text)
        box = {"invalid": st.error, "simulated": st.info}.get(notice.kind, st.warning)
        box(plain(text))

    def chart(self, chart: Chart, *, select: bool = False) -> int | None:
        """Show a chart with its words; with `select` return the first of the clicked point's custom data."""
        self.charts.append(chart)
        st.markdown(f"**{plain(chart.title)}**")
        name = f"{self.name}-{chart.key}"
        chosen = plot(chart, name, image=image_format(), filename=name, select=select)
        st.caption(plain(chart.caption))
        return chosen

    def table(self, table: Table, *, height: int | None = None) -> None:
        """Show a table with its note."""
        self.tables.append(table)
        st.markdown(f"**{plain(table.title)}**")
        names = _distinct([column.heading for column in table.columns])
        rows = [dict(zip(names, row, strict=True)) for row in table.rows]
        looks = {
            name: st.column_config.TextColumn(alignment=column.align)
            for name, column in zip(names, table.columns, strict=True)
        }
        if rows:
            shown: dict[str, Any] = {"height": height} if height else {}
            st.dataframe(rows, hide_index=True, alt=table.title, column_config=looks, **shown)
        if table.note:
            st.caption(plain(table.note))

    def exports(self) -> None:
        """Offer what was shown: the page as one file, each table as CSV; charts save themselves."""
        with st.expander("Save this view", icon=":material/download:"):
            controls.choice("Images of charts (the camera above a chart)", FORMATS, "image")
            title, said, charts, tables = self.title, tuple(self.said), tuple(self.charts), tuple(self.tables)
            st.download_button(
                "The view as one HTML file", lambda: render_view(title, said, charts, tables), f"{self.name}.html",
                "text/html", on_click="ignore", key="save-html",
            )  # fmt: skip
            for number, table in enumerate(tables):
                st.download_button(
                    plain(f"{table.title} (CSV)"), table_csv(table), f"{self.name}-{number + 1}.csv", "text/csv",
                    on_click="ignore", key=f"save-csv-{number}",
                )  # fmt: skip


def image_format() -> str:
    """The format of saved charts, svg or png; the control that sets it comes after the charts."""
    asked = st.session_state.get("image") or st.query_params.get("image")
    return asked if asked in FORMATS else FORMATS[0]


def _distinct(names: list[str]) -> list[str]:
    """Column names, made different where two are the same."""
    return [
        name if names.index(name) == i else f"{name} ({names[: i + 1].count(name)})" for i, name in enumerate(names)
    ]
