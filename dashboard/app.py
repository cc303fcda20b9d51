"""The dashboard's navigation. Started by `inferbench dashboard`; views read the store and write nothing."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import data, first_run

VIEWS = {
    "Answer": (("overview", "Overview", "verified"), ("frontier", "Frontier", "show_chart")),
    "Decide": (("tco", "Cost", "payments"), ("compare", "Compare", "balance")),
    "Look closer": (("run", "Run", "timeline"), ("live", "Live", "sensors")),
    "Judge": (
        ("ablation", "Ablation", "waterfall_chart"),
        ("claims", "Claims", "fact_check"),
        ("regressions", "Regressions", "trending_down"),
    ),
}
"""File below views/, title and icon of every view, by the section that it stands in."""

st.set_page_config(page_title="inferbench", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
pages = {
    section: [
        st.Page(f"views/{name}.py", title=title, icon=f":material/{icon}:", url_path=name, default=name == "overview")
        for name, title, icon in views
    ]
    for section, views in VIEWS.items()
}
page = st.navigation(pages)
if data.listing():
    page.run()
else:
    first_run.show()
