"""The dashboard's navigation. Started by `inferbench dashboard`; every view reads the store and writes nothing."""

from __future__ import annotations

import streamlit as st

st.set_page_config(page_title="inferbench", layout="wide")
st.navigation([st.Page("views/overview.py", title="Overview", default=True)]).run()
