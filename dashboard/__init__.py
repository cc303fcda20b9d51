"""The dashboard: Streamlit views over a store, started by `inferbench dashboard`."""
