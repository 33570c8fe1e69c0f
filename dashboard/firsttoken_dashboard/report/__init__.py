"""An audit, written for people (terminal, Markdown) and for machines (JSON)."""
