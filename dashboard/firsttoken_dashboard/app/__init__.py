"""The dashboard: Streamlit pages over the store."""
