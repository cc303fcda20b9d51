"""The verdict of a run in words, and the frontier that it was read from."""

from __future__ import annotations

import streamlit as st
from data import runs, store, view_of

from inferbench.domain.errors import InferbenchError
from inferbench.report.answers import answers, tally
from inferbench.report.chart import CONFIG
from inferbench.report.figures import comparison_charts
from inferbench.report.notices import notices
from inferbench.report.view import RunView


def show(view: RunView) -> None:
    """Show one run."""
    st.header(view.title)
    for notice in notices(view):
        box = st.error if notice.kind == "invalid" else st.warning
        box(f"**{notice.title}.** {_plain(notice.text)}")
    if view.conclusions:
        st.subheader(tally(view))
    for answer in answers(view):
        with st.expander(_plain(answer.sentence)):
            for detail in answer.details:
                st.markdown(f"- {_plain(detail)}")
    for chart in comparison_charts(view):
        st.plotly_chart(chart.figure, config=CONFIG)


def _plain(text: str) -> str:
    """Text from files stays text: Streamlit reads Markdown, and `$...$` as a formula."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>()#+-.!|$~:" else c for c in text)


found = runs()
if not found:
    st.title("No runs yet")
    st.write(f"{_plain(str(store().resolve()))} holds none. This makes a first one in about a minute:")
    st.code("inferbench run deepseek-r1-mi355x-vs-b200", language="shell")
else:
    names = list(found)
    asked = st.query_params.get("run", names[0])
    chosen = st.selectbox("Run", names, index=names.index(asked) if asked in found else 0)
    st.query_params["run"] = chosen
    try:
        show(view_of(found[chosen]))
    except InferbenchError as error:
        st.error(_plain(str(error)))
