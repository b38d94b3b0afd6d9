"""What a view shows, read from Streamlit's AppTest."""

from streamlit.testing.v1 import AppTest


def everything(app: AppTest) -> str:
    """Return all text that a view shows."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    found = [element for kind in (*kinds, "success", "code") for element in app.get(kind)]
    return "\n".join(str(getattr(element, "value", "")) for element in found)


def button(app: AppTest, label: str):
    """Return the one button with the label."""
    [found] = [one for one in app.button if one.label == label]
    return found


def labels(app: AppTest) -> list[str]:
    """Return the labels of all buttons."""
    return [one.label for one in app.button]
